// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/variant.h"
#include "quant/scheme/parameter.h"

namespace quantscope {

/// Whose outputs the inputs of a layer are when its statistics are gathered.
enum class InputOrder {
    Float,          ///< the float model's
    Quantized,      ///< the earlier blocks are quantized already, this block is not yet
    TrueSequential  ///< all earlier layers are: q, k, v; o; gate, up; down
};

/// The option every method with calibration has: "inputs=float|quantized|true-sequential".
ParameterInfo inputsParameter(InputOrder byDefault = InputOrder::Float);
/// What the recipe says of it, or its method's default; Float where nothing is calibrated.
InputOrder inputOrder(const Recipe& recipe);
/// Whether the recipe is calibrated and leaves the order to its method's default.
bool inputsAreDefaulted(const Recipe& recipe);

}  // namespace quantscope
