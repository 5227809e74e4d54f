// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "methods/interface/variant.h"

namespace quantscope {

/// Forms that say weights, activations and integer execution at once:
///   wWaA[/token|/static][/threshold=T][/fake][/SCHEME PARTS]
/// Weights: rtn to W bits (2..8, 16 = float), "int8" or "int4/group=64" as the scheme parts say (a format
/// among them, "uint4", replaces "intW"). Activations: A bits (2..8; 16 = they stay in float), symmetric,
/// codes by multiplication with the reciprocal scale; one range a token (the default) or one from calibration
/// (static). T: LLM.int8()'s outlier channels stay in float. "fake": the same numbers computed in float.
///   llm-int8/threshold=T[/fake]
/// LLM.int8()'s weights likewise. ("llm-int8" without a threshold is the method, fake-quantized.)
struct ExecutionForm {
    Recipe recipe;
    std::optional<ActivationRecipe> activations;
};

/// The form, nothing where `text` is no such form, or what is wrong with it.
Result<std::optional<ExecutionForm>> parseExecutionForm(std::string_view text);

/// The form of these two, or nothing where there is none.
std::optional<std::string> executionFormText(const Recipe& recipe,
                                             const std::optional<ActivationRecipe>& activations);

/// Bits of "w8a8"; nothing where the text is something else.
struct WidthPair {
    int weights = 0;
    int activations = 0;
};
std::optional<WidthPair> widthsOf(std::string_view part);

}  // namespace quantscope
