// SPDX-License-Identifier: Apache-2.0
#include "quant/passes/to_float.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "quant/blocks/block_formats.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr int64_t kGrainElements = int64_t{1} << 17;

using Decoder = void (*)(const std::byte* src, float* dst, int64_t count);

/// Elements of type T, each by `convert`.
template <class T, float (*kConvert)(T)>
void decodeElements(const std::byte* src, float* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        T value;
        std::memcpy(&value, src + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
        dst[i] = kConvert(value);
    }
}

template <class T>
float castToFloat(T value) {
    return static_cast<float>(value);
}

float fromF16(uint16_t bits) {
    return floatFromF16(bits);
}
float fromBf16(uint16_t bits) {
    return floatFromBf16(bits);
}
float fromBool(uint8_t byte) {
    return byte != 0 ? 1.0F : 0.0F;
}

template <class T>
constexpr Decoder plain() {
    return decodeElements<T, castToFloat<T>>;
}

Decoder elementDecoder(DType dtype) {
    switch (dtype) {
        case DType::F64:
            return plain<double>();
        case DType::F32:
            return plain<float>();
        case DType::F16:
            return decodeElements<uint16_t, fromF16>;
        case DType::BF16:
            return decodeElements<uint16_t, fromBf16>;
        case DType::F8E4M3:
            return decodeElements<uint8_t, floatFromE4m3>;
        case DType::F8E5M2:
            return decodeElements<uint8_t, floatFromE5m2>;
        case DType::E8M0:
            return decodeElements<uint8_t, floatFromE8m0>;
        case DType::I64:
            return plain<int64_t>();
        case DType::I32:
            return plain<int32_t>();
        case DType::I16:
            return plain<int16_t>();
        case DType::I8:
            return plain<int8_t>();
        case DType::U64:
            return plain<uint64_t>();
        case DType::U32:
            return plain<uint32_t>();
        case DType::U16:
            return plain<uint16_t>();
        case DType::U8:
            return plain<uint8_t>();
        case DType::Bool:
            return decodeElements<uint8_t, fromBool>;
        default:
            return nullptr;
    }
}

/// Decodes units (elements or blocks) of a dtype.
struct UnitDecoder {
    Decoder decode;
    int64_t elements;
    int64_t bytes;

    explicit UnitDecoder(DType dtype)
        : decode(elementDecoder(dtype)),
          elements(infoOf(dtype).blockElements),
          bytes(infoOf(dtype).blockBytes) {
        if (decode == nullptr) decode = blockFormatOf(dtype)->decode;
    }

    void run(const Tensor& tensor, int64_t firstUnit, int64_t units, float* out) const {
        decode(tensor.bytes().data() + firstUnit * bytes, out, units);
    }
};

}  // namespace

Result<Tensor> toFloat32(const Tensor& tensor, const Job& job) {
    if (tensor.dtype() == DType::F32) return tensor;
    const int64_t count = tensor.size();
    // Not a vector: filling half a gigabyte with zeros first would cost as much as decoding it.
    const auto bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
    const std::shared_ptr<void> memory(std::aligned_alloc(64, std::max<size_t>(64, bytes)), std::free);
    if (memory == nullptr) return fail(notEnoughMemory(describe(tensor.shape()) + " floats", bytes));
    auto* out = static_cast<float*>(memory.get());

    const UnitDecoder decoder(tensor.dtype());
    const int64_t units = count / decoder.elements;
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    parallelFor(units, kGrainElements / decoder.elements, [&](int64_t begin, int64_t end) {
        if (stopped) return;
        decoder.run(tensor, begin, end - begin, out + begin * decoder.elements);
        const auto finished = static_cast<double>(done += end - begin);
        if (!job.proceed(finished / static_cast<double>(units), "decoding")) stopped = true;
    });
    if (stopped) return fail(ErrorKind::Cancelled, "decoding was stopped");
    const std::span<const std::byte> view(static_cast<const std::byte*>(memory.get()),
                                          static_cast<size_t>(count) * sizeof(float));
    return Tensor::create(DType::F32, tensor.shape(), Storage(memory, view));
}

void decodeRows(const Tensor& tensor, int64_t firstRow, int64_t rows, float* out) {
    assert(firstRow >= 0 && rows >= 0 && firstRow + rows <= tensor.rows());
    const UnitDecoder decoder(tensor.dtype());
    const int64_t cols = tensor.cols();
    decoder.run(tensor, firstRow * cols / decoder.elements, rows * cols / decoder.elements, out);
}

}  // namespace quantscope
