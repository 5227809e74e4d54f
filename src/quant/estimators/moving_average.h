// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Min-max of chunks of 32 rows, averaged: range = momentum * range + (1 - momentum) * chunk, starting with
/// the first chunk (PyTorch's MovingAverageMinMaxObserver with averaging_constant = 1 - momentum, a chunk
/// taking the place of a batch). A block of at most 32 rows therefore has its min-max.
Range movingAverageRange(const MatrixView& block, const Scheme& scheme);

}  // namespace quantscope
