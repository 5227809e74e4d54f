// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Percentiles percentileLow and percentileHigh of the values, exact, with linear interpolation between the
/// order statistics at f (n - 1), as numpy.percentile(method="linear") computes it (in double).
Range percentileRange(const MatrixView& block, const Scheme& scheme);

}  // namespace quantscope
