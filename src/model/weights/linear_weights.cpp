// SPDX-License-Identifier: Apache-2.0
#include "model/weights/linear_weights.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/matrix_passes.h"
#include "methods/interface/quantize_layer.h"
#include "quant/quantized_tensor.h"

namespace quantscope {
namespace {

Error forLayer(Error error, const LinearInfo& layer) {
    error.message = fmt::format("{}: {}", layer.name, error.message);
    return error;
}

/// Round to nearest without making codes.
Result<QuantizedWeight> roundToNearest(const Tensor& weight, const Scheme& scheme, const KernelTable& kernels,
                                       const Job& job) {
    if (Status valid = validate(scheme); !valid) return fail(valid.error());
    std::vector<float> values(static_cast<size_t>(weight.size()));
    auto groups = chooseGroupParams(weight.matrix(), scheme, kernels.elementwise, job);
    if (!groups) return fail(groups.error());
    const Status done =
        fakeQuantizeMatrix(weight.matrix(), scheme, *groups, kernels.elementwise, values.data(), job);
    if (!done) return fail(done.error());
    const double bits = bitsPerWeight(scheme, weight.rows(), weight.cols());
    const auto bytes = static_cast<uint64_t>(std::ceil(bits * static_cast<double>(weight.size()) / 8));
    return QuantizedWeight{Tensor::fromFloats(weight.shape(), std::move(values)), bits, bytes};
}

}  // namespace

Result<QuantizedWeight> applyRecipe(const LinearInfo& layer, const Tensor& weight, const Recipe& recipe,
                                    const KernelTable& kernels, const Job& job) {
    if (recipe.scheme.format == "float") {
        const double bits = 8.0 * static_cast<double>(layer.bytes) / static_cast<double>(weight.size());
        return QuantizedWeight{weight, bits, layer.bytes};
    }
    if (isElementwise(recipe)) {
        auto quantized = roundToNearest(weight, recipe.scheme, kernels, job);
        if (!quantized) return fail(forLayer(quantized.error(), layer));
        return quantized;
    }
    auto result = quantizeLayer({layer.name, weight, {}, {}, {}, layer.role}, recipe, job);
    if (!result) return fail(result.error());
    return QuantizedWeight{result->floats(), result->bitsPerWeight(), result->bytes};
}

Result<std::optional<IntegerUse>> integerUse(const VariantPlan& plan, size_t index) {
    const auto& activations = plan.inputs[index];
    const auto layout = integerLayout(plan.layers[index], activations);
    if (!layout) return fail(layout.error());
    if (!*layout) return std::optional<IntegerUse>();
    return IntegerUse{**layout, activations && activations->outlierThreshold > 0};
}

Result<WeightStore::Key> WeightStore::keyOf(const VariantPlan& plan, const LinearInfo& layer) {
    auto key = m_layers.keyOf(plan, layer);
    if (!key) return fail(key.error());
    auto use = integerUse(plan, m_layers.model().linearIndex(layer));
    if (!use) return fail(use.error());
    return Key{std::move(*key), std::move(*use)};
}

Result<std::optional<LinearWeights>> WeightStore::find(const VariantPlan& plan, const LinearInfo& layer,
                                                       const Job& job) {
    using Found = std::optional<LinearWeights>;
    auto key = keyOf(plan, layer);
    if (!key) return fail(key.error());
    const LinearWeights* packed = m_seen ? nullptr : m_packed.find(*key);
    if (packed != nullptr) return Found(*packed);
    const auto known = m_layers.find(plan, layer);
    if (!known) return fail(known.error());
    if (!*known) return Found();
    auto made = pack(layer, std::move(*key), **known, job);
    if (!made) return fail(made.error());
    return Found(std::move(*made));
}

Result<LinearWeights> WeightStore::make(const VariantPlan& plan, const LinearInfo& layer,
                                        const StatisticsPtr& statistics, const Job& job) {
    auto key = keyOf(plan, layer);
    if (!key) return fail(key.error());
    const Recipe& recipe = plan.layers[m_layers.model().linearIndex(layer)];
    if (!key->use && isElementwise(recipe)) return elementwise(layer, std::move(*key), recipe, job);
    const auto quantized = m_layers.compute(plan, layer, statistics, job);
    if (!quantized) return fail(quantized.error());
    return pack(layer, std::move(*key), **quantized, job);
}

Result<LinearWeights> WeightStore::elementwise(const LinearInfo& layer, Key key, const Recipe& recipe,
                                               const Job& job) {
    const auto weight = m_layers.floats(layer, job);
    if (!weight) return fail(weight.error());
    const auto quantized = applyRecipe(layer, *weight, recipe, m_layers.kernels(), job);
    if (!quantized) return fail(quantized.error());
    if (Status shown = show(layer, *quantized); !shown) return fail(shown.error());
    auto packed = FloatGemm::pack(quantized->values.matrix(), job);
    if (!packed) return fail(packed.error());
    return remember(std::move(key), {std::move(*packed), nullptr, {}});
}

Result<LinearWeights> WeightStore::pack(const LinearInfo& layer, Key key, const QuantizedLayer& quantized,
                                        const Job& job) {
    LinearWeights weights{{}, nullptr, quantized.result.transform};
    if (m_seen || !key.use) {
        const QuantizedWeight values{quantized.floats(), quantized.bitsPerWeight, quantized.bytes};
        if (Status shown = show(layer, values); !shown) return fail(shown.error());
        if (!key.use) {
            auto packed = FloatGemm::pack(values.values.matrix(), job);
            if (!packed) return fail(packed.error());
            weights.packed = std::move(*packed);
            return remember(std::move(key), std::move(weights));
        }
    }
    if (!quantized.result.weight)
        return fail(ErrorKind::Unsupported,
                    fmt::format("{}: {} with these options leaves no codes for an integer product",
                                layer.name, key.layer.recipe.method),
                    "variant", "Execute it as fake quantization.");
    auto codes = IntegerWeights::pack(*quantized.result.weight, key.use->layout, key.use->keepCodes, job);
    if (!codes) return fail(forLayer(codes.error(), layer));
    weights.integer = std::make_shared<const IntegerWeights>(std::move(*codes));
    return remember(std::move(key), std::move(weights));
}

Status WeightStore::show(const LinearInfo& layer, const QuantizedWeight& weight) const {
    return m_seen ? m_seen(layer, weight) : Status();
}

LinearWeights WeightStore::remember(Key key, LinearWeights weights) {
    if (!m_seen) m_packed.put(std::move(key), weights, weights.memory());
    return weights;
}

}  // namespace quantscope
