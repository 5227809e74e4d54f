// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/result.h"
#include "methods/interface/variant.h"

namespace quantscope {

/// Which integer product a layer takes.
enum class IntegerLayout {
    Int8,      ///< 8-bit codes times 8-bit codes, one scale an output channel (W8A8, LLM.int8())
    Int4,      ///< 4-bit codes with group scales times s8 codes (W4A8)
    Int4Float  ///< 4-bit codes with group scales times floats (W4A16)
};

/// The product for these weights and inputs; nothing where the recipe is computed in float (fake execution,
/// float weights). Unsupported, with what to choose instead, for what no product takes: formats that are no
/// integers, fractional zero points, more than 8 bits, group scales of more than 4 bits, scales an input
/// channel, outlier channels with group scales, float inputs with more than 4 bits, methods without codes.
/// 4-bit codes with one scale a channel go to Int8 where the inputs have zero points or outlier channels.
Result<std::optional<IntegerLayout>> integerLayout(const Recipe& recipe,
                                                   const std::optional<ActivationRecipe>& activations);

}  // namespace quantscope
