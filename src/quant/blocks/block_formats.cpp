// SPDX-License-Identifier: Apache-2.0
#include "quant/blocks/block_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstring>

#include "base/parallel_for.h"
#include "quant/blocks/block_codecs.h"
#include "quant/blocks/block_layouts.h"
#include "quant/blocks/block_pass.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr int64_t kGrainElements = int64_t{1} << 16;

template <class Block, int kElements>
void decodeAll(const std::byte* src, float* dst, int64_t blocks) {
    for (int64_t i = 0; i < blocks; ++i) {
        Block block;  // a mapped file need not align it
        std::memcpy(&block, src + i * static_cast<int64_t>(sizeof(Block)), sizeof(Block));
        decodeBlock(block, dst + i * kElements);
    }
}

template <class Block, int kElements>
void encodeAll(const float* src, std::byte* dst, int64_t blocks) {
    for (int64_t i = 0; i < blocks; ++i) {
        Block block;
        encodeBlock(src + i * kElements, block);
        std::memcpy(dst + i * static_cast<int64_t>(sizeof(Block)), &block, sizeof(Block));
    }
}

template <class Block, int kElements>
constexpr BlockFormat decodeOnly(DType dtype) {
    return {dtype, decodeAll<Block, kElements>, nullptr};
}

template <class Block, int kElements>
constexpr BlockFormat bothWays(DType dtype) {
    return {dtype, decodeAll<Block, kElements>, encodeAll<Block, kElements>};
}

void toF16(const float* src, std::byte* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const uint16_t bits = f16FromFloat(src[i]);
        std::memcpy(dst + 2 * i, &bits, 2);
    }
}

void toBf16(const float* src, std::byte* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const uint16_t bits = bf16FromFloat(src[i]);
        std::memcpy(dst + 2 * i, &bits, 2);
    }
}

std::string encodableNames() {
    std::string names = "F32, F16, BF16";
    for (const BlockFormat& format : blockFormats())
        if (format.encode != nullptr) names += fmt::format(", {}", infoOf(format.dtype).name);
    return names;
}

using Encoder = void (*)(const float*, std::byte*, int64_t);

Encoder encoderOf(DType dtype) {
    if (dtype == DType::F16) return toF16;
    if (dtype == DType::BF16) return toBf16;
    const BlockFormat* format = blockFormatOf(dtype);
    return format == nullptr ? nullptr : format->encode;
}

Status checkInput(const Tensor& f32, const DTypeInfo& info) {
    if (!info.isBlock()) return {};
    if (f32.cols() % info.blockElements != 0) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("rows of {} elements cannot be cut into {} blocks of {}", f32.cols(),
                                info.name, info.blockElements),
                    "shape", "choose F16 or F32 for this tensor");
    }
    const int64_t bad = firstNonFinite(f32.floats().data(), f32.size());
    if (bad < 0) return {};
    return fail(ErrorKind::InvalidArgument,
                fmt::format("element {} is {}", bad, f32.floats()[static_cast<size_t>(bad)]), "values",
                "only finite numbers can be quantized");
}

}  // namespace

std::span<const BlockFormat> blockFormats() {
    static constexpr std::array kFormats{
        bothWays<BlockQ4_0, 32>(DType::Q4_0),      bothWays<BlockQ4_1, 32>(DType::Q4_1),
        bothWays<BlockQ5_0, 32>(DType::Q5_0),      bothWays<BlockQ5_1, 32>(DType::Q5_1),
        bothWays<BlockQ8_0, 32>(DType::Q8_0),      decodeOnly<BlockQ2K, 256>(DType::Q2_K),
        decodeOnly<BlockQ3K, 256>(DType::Q3_K),    decodeOnly<BlockQ4K, 256>(DType::Q4_K),
        decodeOnly<BlockQ5K, 256>(DType::Q5_K),    decodeOnly<BlockQ6K, 256>(DType::Q6_K),
        decodeOnly<BlockIq4Nl, 32>(DType::IQ4_NL), decodeOnly<BlockMxfp4, 32>(DType::MXFP4)};
    return kFormats;
}

const BlockFormat* blockFormatOf(DType dtype) {
    for (const BlockFormat& format : blockFormats())
        if (format.dtype == dtype) return &format;
    return nullptr;
}

Result<Tensor> encodeBlocks(const Tensor& f32, DType dtype, const Job& job) {
    assert(f32.dtype() == DType::F32);
    if (dtype == DType::F32) return f32;
    const DTypeInfo& info = infoOf(dtype);
    const Encoder encode = encoderOf(dtype);
    if (encode == nullptr) {
        return fail(ErrorKind::Unsupported, fmt::format("there is no encoder for {}", info.name), "dtype",
                    "choose one of " + encodableNames());
    }
    if (const Status good = checkInput(f32, info); !good) return fail(good.error());
    const int64_t blocks = f32.size() / info.blockElements;
    std::vector<std::byte> bytes(static_cast<size_t>(blocks * info.blockBytes));
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    parallelFor(blocks, kGrainElements / info.blockElements, [&](int64_t begin, int64_t end) {
        if (stopped) return;
        encode(f32.floats().data() + begin * info.blockElements, bytes.data() + begin * info.blockBytes,
               end - begin);
        const auto finished = static_cast<double>(done += end - begin);
        if (!job.proceed(finished / static_cast<double>(blocks), "encoding")) stopped = true;
    });
    if (stopped) return fail(ErrorKind::Cancelled, "encoding was stopped");
    return Tensor::fromBytes(dtype, f32.shape(), std::move(bytes));
}

}  // namespace quantscope
