// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "methods/interface/variant.h"
#include "model/model.h"

namespace quantscope {

/// What a variant does to a given model, resolved layer by layer: the value two variants are compared by, so
/// that equal work is done once. Float recipes are all the same recipe here. The variant's own recipe applies
/// to the linear layers of the blocks; the embedding and the head change only by an override whose pattern
/// matches "token_embd" or "output". The head then runs as the override says, its input quantized per token
/// at most; the embedding is looked up in float.
struct VariantPlan {
    std::vector<Recipe> layers;                           ///< for Model::linears(), the head last
    std::vector<std::optional<ActivationRecipe>> inputs;  ///< likewise
    Recipe embedding;
    bool operator==(const VariantPlan&) const = default;

    /// The embedding and the first `count` layers with their inputs are equal.
    [[nodiscard]] bool sameUntil(const VariantPlan& other, size_t count) const;
    /// Nothing is quantized.
    [[nodiscard]] bool isFloat() const;
};

VariantPlan planFor(const Variant& variant, const Model& model);

/// The recipe that leaves a weight as it is.
Recipe floatRecipe();
/// The plan that leaves everything as it is.
VariantPlan floatPlan(const Model& model);

/// Whether every layer can run as its recipe says; the error names the first layer that cannot.
Status checkExecution(const VariantPlan& plan, const Model& model);

}  // namespace quantscope
