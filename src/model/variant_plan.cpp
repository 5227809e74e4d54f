// SPDX-License-Identifier: Apache-2.0
#include "model/variant_plan.h"

#include <algorithm>

namespace quantscope {
namespace {

bool isFloatRecipe(const Recipe& recipe) {
    return recipe.scheme.format == "float";
}

Recipe canonical(const Recipe& recipe) {
    return isFloatRecipe(recipe) ? floatRecipe() : recipe;
}

/// For weights outside the blocks: only an override speaks for them.
Recipe overrideFor(const Variant& variant, std::string_view name) {
    for (const LayerOverride& entry : variant.overrides) {
        if (matchesPattern(entry.pattern, name)) return canonical(entry.recipe);
    }
    return floatRecipe();
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
        plan.layers.push_back(layer.block < 0 ? overrideFor(variant, layer.name)
                                              : canonical(recipeFor(variant, layer.name)));
    }
    plan.embedding = overrideFor(variant, "token_embd");
    if (variant.activations && variant.activations->scheme.format != "float")
        plan.activations = variant.activations;
    return plan;
}

bool VariantPlan::sameUntil(const VariantPlan& other, int64_t block) const {
    if (embedding != other.embedding || activations != other.activations) return false;
    const auto count = static_cast<std::ptrdiff_t>((block + 1) * kLinearsPerBlock);
    return std::equal(layers.begin(), layers.begin() + count, other.layers.begin());
}

bool VariantPlan::isFloat() const {
    return !activations && isFloatRecipe(embedding) && std::ranges::all_of(layers, isFloatRecipe);
}

}  // namespace quantscope
