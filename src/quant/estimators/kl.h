// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// The threshold T that loses least information (Migacz, "8-bit inference with TensorRT", 2017): a histogram
/// of |r| with 2,048 bins up to absmax; for each candidate of i bins, P is the histogram cut at i with
/// everything beyond added to its last bin, Q is the cut histogram merged into 2^(b-1) equal runs and spread
/// again over each run's non-empty bins; the i with the least KL(P || Q) wins. 65 candidates at equal
/// distances from 2^(b-1) to 2,048 bins, the larger one on a tie. The range is [max(min, -T), min(max, T)].
/// With 2^(b-1) >= 2,048 (16 bits) it is min-max.
Range klRange(const MatrixView& block, const Scheme& scheme);

}  // namespace quantscope
