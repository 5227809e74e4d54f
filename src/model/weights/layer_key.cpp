// SPDX-License-Identifier: Apache-2.0
#include "model/weights/layer_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "methods/interface/variant_text.h"

namespace quantscope {
namespace {

/// One more whenever a method's results change: layers that an older program kept are then made again.
constexpr int kMethodsRevision = 4;

constexpr auto kInputs = "inputs";

/// A layer before, executed as the plan says: its outputs depend on that.
std::string pastText(const Recipe& recipe) {
    Recipe written = keyRecipe(recipe, inputOrder(recipe));
    written.execution = recipe.execution;
    return recipeText(written);
}

}  // namespace

Recipe keyRecipe(Recipe recipe, InputOrder order) {
    recipe.execution = Execution::Fake;
    if (order == InputOrder::Quantized) recipe.parameters[kInputs] = "quantized";
    if (order == InputOrder::TrueSequential) recipe.parameters[kInputs] = "true-sequential";
    const auto written = recipe.parameters.find(kInputs);
    if (order == InputOrder::Float && written != recipe.parameters.end() && written->second == "float")
        recipe.parameters.erase(written);
    return recipe;
}

bool QuantizedPast::operator==(const QuantizedPast& other) const {
    if (!plan || !other.plan) return !plan && !other.plan;
    return count == other.count && ranges == other.ranges &&
           (plan == other.plan || plan->sameUntil(*other.plan, count));
}

std::string fileText(const LayerKey& key) {
    std::string text = fmt::format("{}\n{}\nmethods {}\nmodel {}\nkernels {}\n", key.layer,
                                   recipeText(key.recipe), kMethodsRevision, key.model, key.kernels);
    if (!key.calibration.empty()) text += fmt::format("calibration {}\n", key.calibration);
    if (!key.past.plan) return text;
    const VariantPlan& plan = *key.past.plan;
    text += "embedding " + recipeText(plan.embedding) + "\n";
    for (size_t i = 0; i < key.past.count; ++i) {
        text += pastText(plan.layers[i]);
        if (const auto& input = plan.inputs[i]) {
            if (input->isStatic) text += " @ranges=" + key.past.ranges;
            text += fmt::format(" @act={} @outliers={}", schemeText(input->scheme), input->outlierThreshold);
        }
        text += '\n';
    }
    return text;
}

}  // namespace quantscope
