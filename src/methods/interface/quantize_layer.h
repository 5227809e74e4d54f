// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/method.h"

namespace quantscope {

/// Runs the recipe's method after checking its parameters, its scheme, the calibration it needs (present, of
/// the right width, with at least one token) and that the weight is finite. Errors name the layer.
Result<LayerResult> quantizeLayer(const LayerInput& input, const Recipe& recipe, const Job& job);

}  // namespace quantscope
