// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "quant/passes/quantize_params.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// The representable values of a group in increasing order (for drawing ticks): r^(q) for every code q.
/// All equal when the scale is 0; empty for "float".
std::vector<double> gridLevels(const GroupParams& params, const Scheme& scheme);

}  // namespace quantscope
