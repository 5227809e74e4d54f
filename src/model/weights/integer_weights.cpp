// SPDX-License-Identifier: Apache-2.0
#include "model/weights/integer_weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel_for.h"
#include "methods/interface/variant.h"
#include "methods/registry.h"
#include "quant/packing.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kCodesAtOnce = 65536;

bool fractionalZero(const Scheme& scheme) {
    return scheme.mapping == Mapping::Affine && scheme.zeroPointDomain != ZeroPointDomain::Integer;
}

bool oneScaleARow(const Scheme& scheme) {
    return scheme.granularity == Granularity::Tensor || scheme.granularity == Granularity::OutputChannel ||
           scheme.granularity == Granularity::Token;
}

tl::unexpected<Error> unsupported(const std::string& message, std::string fix) {
    return fail(ErrorKind::Unsupported, "integer execution: " + message, "variant",
                std::move(fix) + ", or execute it as fake quantization");
}

Status checkWeights(const Recipe& recipe) {
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const Scheme& s = recipe.scheme;
    const std::string title = schemeTitle(s);
    if (!(*method)->info().runsOnIntegerKernels)
        return unsupported(fmt::format("{} leaves no codes that an integer product can take", recipe.method),
                           "choose rtn, gptq, awq, smoothquant or llm-int8");
    if (s.format != "int")
        return unsupported(fmt::format("weights as {} are no integers", title),
                           "choose int8 or int4 weights");
    if (s.bits > 8)
        return unsupported(fmt::format("weights of {} bits exceed a byte", s.bits), "choose int8 weights");
    if (fractionalZero(s))
        return unsupported(fmt::format("the zero points of {} are no codes", title),
                           "choose symmetric weights or an integer zero point (integer-zero)");
    if (s.granularity == Granularity::InputChannel || s.granularity == Granularity::Block)
        return unsupported("scales that change along the inputs leave no integer sum",
                           "choose one scale a channel, or group=SIZE with int4 weights");
    return {};
}

Status checkActivations(const Scheme& s) {
    if (s.format != "int" || s.bits > 8)
        return unsupported(fmt::format("activations as {} fit no byte", schemeTitle(s)),
                           "choose @act=int8/token");
    if (fractionalZero(s))
        return unsupported("the activations' zero points are no codes",
                           "choose @act=int8/token or @act=uint8/affine/token");
    if (!oneScaleARow(s))
        return unsupported("activation scales that change along the inputs leave no integer sum",
                           "choose @act=int8/token or @act=int8/tensor");
    return {};
}

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

/// 4-bit panels take codes 0..15 and groups of whole fours.
bool fitsInt4(const Scheme& s) {
    if (s.bits > 4) return false;
    return s.granularity != Granularity::Group || s.groupSize % 4 == 0;
}

}  // namespace

Result<std::optional<IntegerLayout>> integerLayout(const Recipe& recipe,
                                                   const std::optional<ActivationRecipe>& activations) {
    using Layout = std::optional<IntegerLayout>;
    const Scheme& s = recipe.scheme;
    if (recipe.execution == Execution::Fake || s.isFloat()) return Layout{};
    if (Status valid = checkWeights(recipe); !valid) return fail(valid.error());
    const bool group = s.granularity == Granularity::Group;
    if (group && s.groupSize % 4 != 0)
        return unsupported(fmt::format("groups of {} inputs are no whole fours", s.groupSize),
                           "choose group=32, 64 or 128");
    if (!activations || activations->scheme.isFloat()) {
        if (fitsInt4(s)) return Layout{IntegerLayout::Int4Float};
        return unsupported(fmt::format("float activations meet weights of {} bits", s.bits),
                           "add @act=int8/token (w8a8), or choose int4 weights (w4a16)");
    }
    if (Status valid = checkActivations(activations->scheme); !valid) return fail(valid.error());
    const bool symmetric = activations->scheme.mapping == Mapping::Symmetric && activations->scheme.isSigned;
    const bool outliers = activations->outlierThreshold > 0;
    if (fitsInt4(s) && symmetric && !outliers) return Layout{IntegerLayout::Int4};
    if (!group) return Layout{IntegerLayout::Int8};
    if (s.bits > 4)
        return unsupported(fmt::format("group scales of {}-bit weights", s.bits),
                           "choose one scale a channel (int8), or int4 weights");
    return unsupported(fmt::format("group scales together with {}",
                                   outliers ? "outlier channels" : "activations that have a zero point"),
                       outliers ? "choose one scale a channel (int8)" : "choose @act=int8/token");
}

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
