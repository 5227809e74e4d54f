// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "quant/reference.h"
#include "quant/scheme.h"

namespace quantscope {

/// The range of least sum_j weight_j (r_j - r^_j)^2 among those that shrink the ends of `full` towards zero:
/// ratios 1, 1 - gridStep .. 0.19 of both ends, further down while that helps; with an affine mapping of each
/// end by itself; then steps around the best, halved from half a grid step to 0.002. `weights` empty: all
/// are 1. A finer grid finds the best of several minima more often: they lie apart where bits are few.
Range shrunkRange(const Scheme& scheme, const Range& full, std::span<const float> values,
                  std::span<const float> weights = {}, double gridStep = 0.03);

}  // namespace quantscope
