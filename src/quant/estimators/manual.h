// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/passes/reference.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// [manualLow, manualHigh], whatever the values are.
Range manualRange(const MatrixView& block, const Scheme& scheme);

}  // namespace quantscope
