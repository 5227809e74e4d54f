// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.h"
#include "kernels/integer_gemm.h"
#include "kernels/kernel_table.h"
#include "tensor/tensor.h"

namespace quantscope {

/// From so many rows on the codes of a panel become floats once for all rows, 32 output channels at a time:
/// the unpacking then costs 1/rows of the product, and the float product's tiles are higher than those that
/// unpack as they go.
constexpr int64_t kRowsWorthUnpacking = 32;

/// y_ij = bias_j + sum_k x_ik scale (q - zero), k in order; shapes as in multiplyInt4, which checks them.
/// `bias` may be null. OutOfMemory.
Status multiplyInt4Unpacked(const KernelTable& kernels, const MatrixView& x, const PackedInt4Weights& weights,
                            float* y, int64_t yStride, const float* bias);

}  // namespace quantscope
