// SPDX-License-Identifier: Apache-2.0
#include "model/weights/integer_weights.h"

#include <algorithm>

#include "base/parallel_for.h"
#include "quant/packing.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kCodesAtOnce = 65536;

tl::unexpected<Error> stopped() {
    return fail(ErrorKind::Cancelled, "packing was stopped");
}

/// Every code + offset as T, row by row.
template <class T>
Result<std::vector<T>> movedCodes(const QuantizedTensor& weight, int32_t offset, const Job& job) {
    const int64_t rows = weight.layout().rows;
    const int64_t cols = weight.layout().cols;
    const Scheme& scheme = weight.scheme();
    std::vector<T> moved(static_cast<size_t>(rows * cols));
    parallelFor(rows, std::max<int64_t>(1, kCodesAtOnce / std::max<int64_t>(1, cols)),
                [&](int64_t begin, int64_t end) {
                    std::vector<int32_t> codes(static_cast<size_t>(cols));
                    for (int64_t row = begin; row < end && !job.stopRequested(); ++row) {
                        unpackCodes(weight.packedCodes().data() + row * weight.bytesPerRow(), scheme.bits,
                                    codeMin(scheme), codes);
                        std::ranges::transform(codes, moved.begin() + row * cols,
                                               [&](int32_t code) { return static_cast<T>(code + offset); });
                    }
                });
    if (job.stopRequested()) return stopped();
    return moved;
}

/// [rows x cols] to [cols x rows].
std::vector<int8_t> transposed(const std::vector<int8_t>& codes, int64_t rows, int64_t cols) {
    constexpr int64_t kRowsAtOnce = 64;  // whole cache lines of the result
    std::vector<int8_t> result(codes.size());
    parallelFor(rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t col = 0; col < cols; ++col)
            for (int64_t row = begin; row < end; ++row)
                result[static_cast<size_t>(col * rows + row)] = codes[static_cast<size_t>(row * cols + col)];
    });
    return result;
}

}  // namespace

int64_t IntegerWeights::outputs() const {
    return m_layout == IntegerLayout::Int8 ? m_int8.outputs() : m_int4.outputs();
}

int64_t IntegerWeights::inputs() const {
    return m_layout == IntegerLayout::Int8 ? m_int8.inputs() : m_int4.inputs();
}

uint64_t IntegerWeights::bytes() const {
    const uint64_t packed = m_layout == IntegerLayout::Int8 ? m_int8.bytes() : m_int4.bytes();
    return packed + m_codes.size() + sizeof(float) * m_scales.size() + sizeof(int32_t) * m_zeros.size();
}

Result<IntegerWeights> IntegerWeights::pack(const QuantizedTensor& weight, IntegerLayout layout,
                                            bool keepCodes, const Job& job) {
    IntegerWeights result;
    result.m_layout = layout;
    const Status packed = layout == IntegerLayout::Int8 ? result.packInt8(weight, keepCodes, job)
                                                        : result.packInt4(weight, job);
    if (!packed) return fail(packed.error());
    if (job.stopRequested()) return stopped();
    return result;
}

Status IntegerWeights::packInt8(const QuantizedTensor& weight, bool keepCodes, const Job& job) {
    const int64_t rows = weight.layout().rows;
    const int64_t cols = weight.layout().cols;
    // Unsigned codes move into the range of a signed byte; their zero points with them.
    const int32_t shift = codeMin(weight.scheme()) >= 0 ? 1 << (weight.scheme().bits - 1) : 0;
    const auto bytes = movedCodes<int8_t>(weight, -shift, job);
    if (!bytes) return fail(bytes.error());
    bool zeros = false;
    for (int64_t row = 0; row < rows; ++row) {
        const GroupParams& group = weight.groups()[static_cast<size_t>(weight.layout().groupOf(row, 0))];
        m_scales.push_back(group.scale);
        m_zeros.push_back(static_cast<int32_t>(group.zeroPoint) - shift);
        zeros = zeros || m_zeros.back() != 0;
    }
    if (!zeros) m_zeros.clear();
    auto packed = PackedInt8Weights::pack(bytes->data(), rows, cols);
    if (!packed) return fail(packed.error());
    m_int8 = std::move(*packed);
    if (keepCodes && !job.stopRequested()) m_codes = transposed(*bytes, rows, cols);
    return {};
}

Status IntegerWeights::packInt4(const QuantizedTensor& weight, const Job& job) {
    const GroupLayout& layout = weight.layout();
    const bool group = weight.scheme().granularity == Granularity::Group;
    const int64_t across = group ? layout.groupsAcross() : 1;
    constexpr int32_t kMiddle = 8;
    const int32_t shift = codeMin(weight.scheme()) < 0 ? kMiddle : 0;
    const auto nibbles = movedCodes<uint8_t>(weight, shift, job);
    if (!nibbles) return fail(nibbles.error());
    std::vector<float> scales;
    std::vector<uint8_t> zeros;
    for (int64_t row = 0; row < layout.rows; ++row) {
        for (int64_t g = 0; g < across; ++g) {
            const auto at = static_cast<size_t>(layout.groupOf(row, g * layout.blockCols));
            scales.push_back(weight.groups()[at].scale);
            zeros.push_back(
                static_cast<uint8_t>(static_cast<int32_t>(weight.groups()[at].zeroPoint) + shift));
        }
    }
    const bool symmetric = std::ranges::all_of(zeros, [](uint8_t zero) { return zero == kMiddle; });
    auto packed = PackedInt4Weights::pack({nibbles->data(), layout.rows, layout.cols,
                                           group ? weight.scheme().groupSize : 0, scales.data(),
                                           symmetric ? nullptr : zeros.data()});
    if (!packed) return fail(packed.error());
    m_int4 = std::move(*packed);
    return {};
}

std::vector<float> IntegerWeights::columns(std::span<const int64_t> columns, int64_t width) const {
    std::vector<float> values(static_cast<size_t>(outputs() * width));
    for (size_t i = 0; i < columns.size(); ++i) {
        const int8_t* codes = m_codes.data() + columns[i] * outputs();
        float* dst = values.data() + i;
        for (int64_t row = 0; row < outputs(); ++row) {
            const int32_t zero = m_zeros.empty() ? 0 : m_zeros[static_cast<size_t>(row)];
            dst[row * width] = m_scales[static_cast<size_t>(row)] * static_cast<float>(codes[row] - zero);
        }
    }
    return values;
}

}  // namespace quantscope
