// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// [min, max] of the values. lowIsExtreme is set when min == -max and the negative one comes first
/// (row-major).
Range minMaxRange(const MatrixView& block, const Scheme& scheme);

}  // namespace quantscope
