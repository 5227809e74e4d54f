// SPDX-License-Identifier: Apache-2.0
#include "export/layer_inputs.h"

#include <algorithm>

#include "model/block_runner.h"

namespace quantscope {

LayerInputs::LayerInputs(const Model& model, const KernelTable& kernels, const VariantPlan& plan,
                         const std::vector<int32_t>& calibration)
    : m_model(model), m_gemm(kernels) {
    CalibrationNeed need = CalibrationNeed::None;
    for (const Recipe& recipe : plan.layers) need = std::max(need, calibrationNeed(recipe));
    if (need == CalibrationNeed::None || calibration.empty()) return;
    CalibrationOptions options;
    options.tokens = calibration;
    options.hessian = need == CalibrationNeed::Hessian;
    m_calibration = std::make_unique<Calibration>(model, kernels, std::move(options));
}

Result<LayerInput> LayerInputs::get(const LinearInfo& layer, const Recipe& recipe, const Job& job) {
    auto weight = m_model.linearWeight(layer.name);
    if (!weight) return fail(weight.error());
    LayerInput input{layer.name, std::move(*weight), {}, {}, productOf(m_gemm)};
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    if (inputOrder(recipe) != InputOrder::Float) {
        return fail(ErrorKind::Unsupported, "an export calibrates on the float model's inputs", "inputs",
                    "leave inputs= out");
    }
    if ((*method)->needs(recipe) != CalibrationNeed::None && m_calibration) {
        auto statistics = m_calibration->statistics(layer, job);
        if (!statistics) return fail(statistics.error());
        input.calibration = std::move(*statistics);
    }
    if (!(*method)->info().sharesTransform || layer.block < 0) return input;
    for (const LinearInfo& other : m_model.blockLinears(layer.block)) {
        if (inputPointOf(other.kind) != inputPointOf(layer.kind)) continue;
        auto sibling = m_model.linearWeight(other.name);
        if (!sibling) return fail(sibling.error());
        input.siblings.push_back(std::move(*sibling));
    }
    return input;
}

}  // namespace quantscope
