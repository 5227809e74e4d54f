// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// The range with the least squared error of quantizing and dequantizing the values with the whole scheme
/// (its mapping, zero point, rounding and scale format).
/// Search: ratios 1, 0.97 .. 0.19 of min-max applied to both ends, and, when the last is the best (heavy
/// tails), on to 0.004 in factors of 0.88; then, for affine mappings, the same for the low and the high end
/// alone; then ever smaller steps around the best ratios (0.015 .. 0.0019). The result is never worse than
/// min-max. Blocks of more than 2^16 values are judged on 2^16 of them, taken at equal distances.
Range mseRange(const MatrixView& block, const Scheme& scheme);

}  // namespace quantscope
