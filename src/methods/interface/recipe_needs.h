// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "methods/interface/method.h"

namespace quantscope {

/// Bits per weight of a recipe on a [rows x cols] matrix, all overhead included; 32 for float.
double recipeBitsPerWeight(const Recipe& recipe, int64_t rows, int64_t cols);
/// The calibration a recipe needs: None for float recipes and unknown methods.
CalibrationNeed calibrationNeed(const Recipe& recipe);

}  // namespace quantscope
