// SPDX-License-Identifier: Apache-2.0
#include "export/layer_inputs.h"

#include <algorithm>
#include <utility>

#include "methods/interface/input_order.h"
#include "methods/interface/recipe_needs.h"
#include "methods/registry.h"
#include "model/forward/block_operators.h"

namespace quantscope {

LayerInputs::LayerInputs(const Model& model, const KernelTable& kernels, const VariantPlan& plan,
                         const std::vector<int32_t>& calibration,
                         std::shared_ptr<CalibrationSource> statistics)
    : m_model(model), m_calibration(std::move(statistics)), m_gemm(kernels) {
    CalibrationNeed need = CalibrationNeed::None;
    for (const Recipe& recipe : plan.layers) need = std::max(need, calibrationNeed(recipe));
    if (m_calibration || need == CalibrationNeed::None || calibration.empty()) return;
    CalibrationOptions options;
    options.tokens = calibration;
    options.hessian = need == CalibrationNeed::Hessian;
    const auto ordered = [](const Recipe& recipe) { return inputOrder(recipe) != InputOrder::Float; };
    if (std::ranges::any_of(plan.layers, ordered))
        m_ordered = std::make_unique<OrderedCalibration>(model, kernels, options, plan);
    m_calibration = std::make_shared<Calibration>(model, kernels, std::move(options));
}

Result<std::shared_ptr<const CalibrationStatistics>> LayerInputs::statistics(const LinearInfo& layer,
                                                                             const Recipe& recipe,
                                                                             const Job& job) {
    const InputOrder order = inputOrder(recipe);
    if (order == InputOrder::Float) return m_calibration->statistics(layer, job);
    if (!m_ordered)
        return fail(
            ErrorKind::InvalidArgument,
            "statistics that were saved are those of the float model; this method runs a text through "
            "the layers it has quantized",
            "inputs", "give the calibration text, or leave inputs= out");
    const auto& inputs = m_ordered->plan().inputs;
    if (std::ranges::any_of(inputs, [](const auto& activations) { return activations.has_value(); }))
        return fail(ErrorKind::Unsupported,
                    "an export with quantized inputs calibrates on the float model's inputs", "inputs",
                    "leave inputs= out");
    return m_ordered->statistics(layer, order, m_block.linears, job);
}

Status LayerInputs::made(const LinearInfo& layer, const LayerResult* result, const Job& job) {
    if (!m_ordered || layer.block < 0) return {};
    if (Status begun = m_ordered->begin(job); !begun) return begun;
    const auto values = result ? Result<Tensor>(result->floats()) : m_model.linearWeight(layer.name);
    if (!values) return fail(values.error());
    auto packed = FloatGemm::pack(values->matrix(), job);
    if (!packed) return fail(packed.error());
    const auto layers = m_model.blockLinears(layer.block);
    m_block.linears.resize(layers.size());
    auto bias = m_model.bias(layer);
    if (!bias) return fail(bias.error());
    LinearOperator& op = m_block.linears[m_model.linearIndex(layer) - m_model.linearsUntil(layer.block - 1)];
    op.packed = std::move(*packed);
    op.bias = std::move(*bias);
    if (layer.name != layers.back().name) return {};
    auto norms = loadNorms(m_model, layer.block);
    if (!norms) return fail(norms.error());
    m_block.norms = std::move(*norms);
    return m_ordered->finished(layer.block, std::exchange(m_block, {}), job);
}

Result<LayerInput> LayerInputs::get(const LinearInfo& layer, const Recipe& recipe, const Job& job) {
    auto weight = m_model.linearWeight(layer.name);
    if (!weight) return fail(weight.error());
    LayerInput input{layer.name, std::move(*weight), {}, {}, productOf(m_gemm), layer.role};
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    if ((*method)->needs(recipe) != CalibrationNeed::None && m_calibration) {
        auto seen = statistics(layer, recipe, job);
        if (!seen) return fail(seen.error());
        input.calibration = std::move(*seen);
    }
    if (!(*method)->info().sharesTransform || layer.block < 0) return input;
    for (const LinearInfo& other : m_model.blockLinears(layer.block)) {
        if (other.inputPoint != layer.inputPoint) continue;
        auto sibling = m_model.linearWeight(other.name);
        if (!sibling) return fail(sibling.error());
        input.siblings.push_back(std::move(*sibling));
    }
    return input;
}

}  // namespace quantscope
