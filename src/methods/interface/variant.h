// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// How a quantized layer is computed. Fake: in float, on dequantized weights and activations. Integer: the
/// codes themselves are multiplied. Both mean the same numbers; they differ by the rounding of float sums.
enum class Execution { Fake, Integer };

/// How weights are quantized: a method of the registry, its own parameters, and the scheme it aims for.
struct Recipe {
    std::string method = "rtn";
    Scheme scheme;
    std::map<std::string, std::string> parameters;
    Execution execution = Execution::Fake;
    bool operator==(const Recipe&) const = default;
};

/// How activations are quantized. `isStatic`: the range comes from calibration instead of the data at hand.
/// `outlierThreshold` > 0: input channels with any |x| >= it stay in float (LLM.int8()'s decomposition).
struct ActivationRecipe {
    Scheme scheme;
    bool isStatic = false;
    double outlierThreshold = 0;
    bool operator==(const ActivationRecipe&) const = default;
};

/// Another recipe for the layers whose name matches a glob pattern ("blk.0.*", "*.ffn_down").
/// `ownActivations`: these layers' inputs are quantized as `activations` says (none: they stay in float)
/// instead of the variant's way; one of the forms of methods/interface/execution_text.h.
struct LayerOverride {
    std::string pattern;
    Recipe recipe;
    std::optional<ActivationRecipe> activations = {};
    bool ownActivations = false;
    bool operator==(const LayerOverride&) const = default;
};

/// One thing to compare: a value with equality and a text form.
struct Variant {
    std::string name;  ///< as on screen; empty = its title
    Recipe weights;
    std::optional<ActivationRecipe> activations;
    std::vector<LayerOverride> overrides;  ///< the first match wins
    bool operator==(const Variant&) const = default;
    [[nodiscard]] bool isFloat() const;
};

/// Text form: the weights' recipe ("int4/affine/group=64"), then parts introduced by " @": "@act=int8/token",
/// "@act-static=int8/tensor", "@outliers=6" (after an @act), "@blk.0.*=int8/channel", "@name=mine".
/// A recipe's part "integer" has it run on integer kernels: "gptq/int4/group=64/integer @act=int8/token".
/// "w8a8/token", "w8a8/static", "w4a8/group=64", "w4a16/group=64", "llm-int8/threshold=6" say weights,
/// activations and integer execution in one (methods/interface/execution_text.h), for a variant or
/// "@PATTERN=". parse(text(v)) == v.
std::string variantText(const Variant& variant);
Result<Variant> parseVariant(std::string_view text);
/// Variants separated by ';'.
Result<std::vector<Variant>> parseVariants(std::string_view text);
/// "int4 affine g64", or the given name.
std::string variantTitle(const Variant& variant);

/// Glob match with '*' and '?', case-sensitive.
bool matchesPattern(std::string_view pattern, std::string_view name);

/// The recipe a variant applies to the layer of this name.
const Recipe& recipeFor(const Variant& variant, std::string_view layerName);
/// How the inputs of that layer are quantized; none: not at all.
const std::optional<ActivationRecipe>& activationsFor(const Variant& variant, std::string_view layerName);

/// Sets the execution of every recipe that quantizes something.
void setExecution(Variant& variant, Execution execution);
/// "float", "fake", "integer", or "mixed" where layers differ.
std::string_view executionOf(const Variant& variant);

}  // namespace quantscope
