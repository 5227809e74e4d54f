// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/variant_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/weights/integer_weights.h"

namespace quantscope {
namespace {

bool isFloatRecipe(const Recipe& recipe) {
    return recipe.scheme.format == "float";
}

Recipe canonical(const Recipe& recipe) {
    return isFloatRecipe(recipe) ? floatRecipe() : recipe;
}

/// For weights outside the blocks only an override speaks: null = there is none.
const LayerOverride* overrideFor(const Variant& variant, std::string_view name) {
    const auto entry = std::ranges::find_if(variant.overrides, [&](const LayerOverride& candidate) {
        return matchesPattern(candidate.pattern, name);
    });
    return entry == variant.overrides.end() ? nullptr : &*entry;
}

/// The embedding is looked up: there is no product to execute.
Recipe embeddingRecipe(const Variant& variant) {
    const LayerOverride* entry = overrideFor(variant, kEmbeddingName);
    if (entry == nullptr) return floatRecipe();
    Recipe recipe = canonical(entry->recipe);
    recipe.execution = Execution::Fake;
    return recipe;
}

}  // namespace

Recipe floatRecipe() {
    Recipe recipe;
    recipe.scheme.format = "float";
    recipe.scheme.bits = 32;
    return recipe;
}

VariantPlan planFor(const Variant& variant, const Model& model) {
    VariantPlan plan;
    plan.layers.reserve(model.linears().size());
    for (const LinearInfo& layer : model.linears()) {
        const LayerOverride* entry = layer.block < 0 ? overrideFor(variant, layer.name) : nullptr;
        if (layer.block >= 0) plan.layers.push_back(canonical(recipeFor(variant, layer.name)));
        if (layer.block < 0) plan.layers.push_back(entry ? canonical(entry->recipe) : floatRecipe());
    }
    plan.inputs.resize(plan.layers.size());
    for (size_t i = 0; i < plan.layers.size(); ++i) {
        const LinearInfo& layer = model.linears()[i];
        const LayerOverride* entry = overrideFor(variant, layer.name);
        // The head's input changes only where an override says so itself.
        if (layer.block < 0 && (entry == nullptr || !entry->ownActivations)) continue;
        const auto& activations = activationsFor(variant, layer.name);
        if (activations && !activations->scheme.isFloat()) plan.inputs[i] = activations;
    }
    plan.embedding = embeddingRecipe(variant);
    return plan;
}

VariantPlan floatPlan(const Model& model) {
    VariantPlan plan;
    plan.layers.assign(model.linears().size(), floatRecipe());
    plan.inputs.resize(plan.layers.size());
    plan.embedding = floatRecipe();
    return plan;
}

Status checkExecution(const VariantPlan& plan, const Model& model) {
    for (size_t i = 0; i < plan.layers.size(); ++i) {
        const auto layout = integerLayout(plan.layers[i], plan.inputs[i]);
        const bool isHead = model.linears()[i].block < 0;
        if (isHead && plan.inputs[i] && plan.inputs[i]->isStatic) {
            return fail(ErrorKind::Unsupported, "the head's input has no calibrated range", "output",
                        "Quantize it per token: @output=w8a8/token, with /fake too.");
        }
        if (layout) continue;
        Error error = layout.error();
        error.message = fmt::format("{}: {}", model.linears()[i].name, error.message);
        return fail(std::move(error));
    }
    return {};
}

bool VariantPlan::sameUntil(const VariantPlan& other, size_t count) const {
    if (embedding != other.embedding) return false;
    const auto end = static_cast<std::ptrdiff_t>(count);
    return std::equal(layers.begin(), layers.begin() + end, other.layers.begin()) &&
           std::equal(inputs.begin(), inputs.begin() + end, other.inputs.begin());
}

bool VariantPlan::isFloat() const {
    return isFloatRecipe(embedding) && std::ranges::all_of(layers, isFloatRecipe) &&
           std::ranges::none_of(inputs, [](const auto& input) { return input.has_value(); });
}

}  // namespace quantscope
