// SPDX-License-Identifier: Apache-2.0
#include "export/uniform_weight.h"

#include <fmt/format.h>

#include <cmath>

#include "base/parallel_for.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

/// The code that means unsigned 0.
int32_t lowestCode(const Scheme& scheme) {
    return scheme.isSigned ? -(1 << (scheme.bits - 1)) : 0;
}

Status checkGrid(const Scheme& scheme) {
    if (scheme.bits > 8)
        return fail(ErrorKind::Unsupported, fmt::format("{} bits are too many to pack", scheme.bits), "bits",
                    "Choose 2 to 8 bits");
    if (scheme.mapping == Mapping::Affine && scheme.zeroPointDomain != ZeroPointDomain::Integer)
        return fail(ErrorKind::Unsupported,
                    scheme.zeroPointDomain == ZeroPointDomain::Float
                        ? "the zero point keeps a fraction (HQQ), the layout stores an integer"
                        : "the groups store a minimum, the layout stores an integer zero point",
                    "zero point", "Choose an integer zero point: int4/affine, preset=gptq-affine or awq");
    switch (scheme.granularity) {
        case Granularity::Tensor:
        case Granularity::OutputChannel:
        case Granularity::Group:
            return {};
        default:
            return fail(ErrorKind::Unsupported, "the layout shares scales along the inputs only",
                        "granularity", "Choose channel or group=32, 64 or 128");
    }
}

}  // namespace

Result<UniformWeight> uniformWeight(const QuantizedTensor& quantized, std::span<const int32_t> permutation) {
    const Scheme& scheme = quantized.scheme();
    if (Status good = checkGrid(scheme); !good) return fail(good.error());
    const GroupLayout& layout = quantized.layout();
    UniformWeight weight;
    weight.bits = scheme.bits;
    weight.rows = layout.rows;
    weight.cols = layout.cols;
    weight.groupSize = std::min(layout.blockCols, layout.cols);
    weight.symmetric = scheme.mapping == Mapping::Symmetric;
    if (weight.groupSize == 0 || weight.cols % weight.groupSize != 0)
        return fail(
            ErrorKind::Unsupported,
            fmt::format("{} inputs are no multiple of the group of {}", weight.cols, weight.groupSize),
            "group", "Choose a group that divides the inputs of every layer, such as 32 or 64");
    const int32_t lowest = lowestCode(scheme);
    const std::vector<int32_t> codes = quantized.codes();
    weight.codes.resize(codes.size());
    parallelFor(weight.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t j = 0; j < weight.cols; ++j) {
                const int64_t input = permutation.empty() ? j : permutation[static_cast<size_t>(j)];
                weight.codes[static_cast<size_t>(r * weight.cols + input)] =
                    static_cast<uint8_t>(codes[static_cast<size_t>(r * weight.cols + j)] - lowest);
            }
    });
    if (!permutation.empty() && !weight.perChannel()) {
        weight.groupIndex.resize(permutation.size());
        for (size_t j = 0; j < permutation.size(); ++j)
            weight.groupIndex[static_cast<size_t>(permutation[j])] =
                static_cast<int32_t>(static_cast<int64_t>(j) / weight.groupSize);
    }
    const int64_t groups = weight.groups();
    for (int64_t r = 0; r < weight.rows; ++r)
        for (int64_t g = 0; g < groups; ++g) {
            const auto at = static_cast<size_t>(layout.groupOf(r, g * weight.groupSize));
            weight.scales.push_back(quantized.groups()[at].scale);
            weight.zeros.push_back(static_cast<int32_t>(quantized.groups()[at].zeroPoint) - lowest);
        }
    return weight;
}

Tensor dequantize(const UniformWeight& weight) {
    std::vector<float> values(weight.codes.size());
    const int64_t groups = weight.groups();
    parallelFor(weight.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < weight.cols; ++c) {
                const auto group = static_cast<size_t>(r * groups + weight.groupOf(c));
                const auto at = static_cast<size_t>(r * weight.cols + c);
                values[at] =
                    weight.scales[group] * static_cast<float>(weight.codes[at] - weight.zeros[group]);
            }
    });
    return Tensor::fromFloats({weight.rows, weight.cols}, std::move(values));
}

void divideRows(UniformWeight& weight, std::span<const float> divisor) {
    const int64_t groups = weight.groups();
    for (int64_t r = 0; r < weight.rows; ++r)
        for (int64_t g = 0; g < groups; ++g)
            weight.scales[static_cast<size_t>(r * groups + g)] /= divisor[static_cast<size_t>(r)];
}

Status roundScalesToF16(UniformWeight& weight) {
    for (float& scale : weight.scales) {
        const float stored = floatFromF16(f16FromFloat(scale));
        if (!std::isfinite(stored))
            return fail(ErrorKind::InvalidArgument,
                        fmt::format("a scale of {:g} is too large for F16", scale), "scale",
                        "Choose a layout that stores F32 scales, such as compressed-tensors");
        scale = stored;
    }
    return {};
}

}  // namespace quantscope
