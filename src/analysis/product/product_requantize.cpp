// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/product/product.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

tl::unexpected<Error> noFactor(const char* why, const char* fix) {
    return fail(ErrorKind::InvalidArgument, why, "requantization", fix);
}

/// M S_C = S_A S_B must not depend on the row or on the run of inputs.
Status checkProduct(const QuantizedProduct& product) {
    if (!product.isInteger)
        return noFactor("one side is float: there are no integer sums to rescale", "Quantize X and W");
    if (product.segments.size() != 1)
        return noFactor("every group of inputs has a scale of its own",
                        "Use one scale a tensor or output channel");
    if (product.x.quantization.groups.size() != 1)
        return noFactor("every token has a scale of its own: its row is dequantized instead",
                        "Give X one scale for the tensor");
    if (!product.liftedOut.empty())
        return noFactor("a part of the product is float (lifted-out columns)",
                        "Switch the decomposition off");
    if (!product.x.hasIntegerZeros() || !product.w.hasIntegerZeros())
        return noFactor("a zero point is not an integer", "Use integer zero points");
    return {};
}

Scheme outputScheme() {
    Scheme scheme;
    scheme.bits = 8;
    scheme.mapping = Mapping::Affine;
    scheme.granularity = Granularity::Tensor;
    return scheme;
}

std::vector<float> weightScales(const QuantizedProduct& product) {
    const GroupLayout& layout = product.w.quantization.layout;
    if (layout.groupCount() == 1) return {product.w.quantization.groups.front().scale};
    std::vector<float> scales;
    for (int64_t j = 0; j < product.channels; ++j) scales.push_back(product.w.params(j, 0).scale);
    return scales;
}

double relativeErrorOf(const RequantizedProduct& requantized, const std::vector<float>& exact) {
    double signal = 0;
    double noise = 0;
    for (size_t at = 0; at < exact.size(); ++at) {
        const double back = static_cast<double>(requantized.outputScale) *
                            (requantized.codes.fixed[at] - requantized.stage.zeroPoint);
        const auto value = static_cast<double>(exact[at]);
        signal += value * value;
        noise += (back - value) * (back - value);
    }
    return noise == 0 ? 0 : std::sqrt(noise / signal);
}

}  // namespace

Result<RequantizedProduct> requantizeProduct(const QuantizedProduct& product, bool relu) {
    if (Status fits = checkProduct(product); !fits) return fail(fits.error());
    const auto [low, high] = std::minmax_element(product.exact->begin(), product.exact->end());
    const Scheme scheme = outputScheme();
    const GroupParams output =
        paramsFromRange(Range{relu ? std::max(0.0F, *low) : *low, std::max(*high, 0.0F)}, scheme);
    const std::vector<float> scales = weightScales(product);
    auto stage = outputStage(product.x.quantization.groups.front().scale, scales, output.scale);
    if (!stage) return fail(stage.error());
    RequantizedProduct result;
    result.stage = std::move(*stage);
    result.outputScale = output.scale;
    result.stage.zeroPoint = static_cast<int32_t>(std::lround(output.zeroPoint));
    result.stage.clampMin = relu ? result.stage.zeroPoint : codeMin(scheme);
    result.stage.clampMax = codeMax(scheme);
    std::vector<int32_t> corrected;
    corrected.reserve(product.output.size());
    for (int64_t i = 0; i < product.rows; ++i)
        for (int64_t j = 0; j < product.channels; ++j)
            corrected.push_back(static_cast<int32_t>(product.corrected(i, j)));  // fits: K <= safeDepth
    result.codes = compareRequantization(corrected, product.channels, result.stage);
    std::vector<float> target = *product.exact;
    if (relu) std::ranges::transform(target, target.begin(), [](float v) { return std::max(v, 0.0F); });
    result.relativeError = relativeErrorOf(result, target);
    return result;
}

}  // namespace quantscope
