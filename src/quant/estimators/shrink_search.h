// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// Ratios 1, 1 - step .. least that a search tries before it refines. Where bits are few the error has
/// several minima far apart: a finer and longer grid finds the lowest more often.
struct ShrinkGrid {
    double step = 0.03;
    double least = 0.19;
};

/// The range of least sum_j weight_j (r_j - r^_j)^2 among those that shrink the ends of `full` towards zero:
/// the grid's ratios of both ends, further down while that helps; with an affine mapping of each end by
/// itself; then steps around the best, halved from half a grid step to 0.002. `weights` empty: all are 1.
Range shrunkRange(const Scheme& scheme, const Range& full, std::span<const float> values,
                  std::span<const float> weights = {}, ShrinkGrid grid = {});

}  // namespace quantscope
