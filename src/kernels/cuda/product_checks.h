// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/integer_gemm.h"

/// What products on a device refuse before anything is sent there: what integer_gemm.h refuses, and sizes
/// beyond a grid (tile_plan.h).
namespace quantscope::cuda {

Status checkWeight(int64_t outputs, int64_t inputs, int64_t stride);
Status checkInt4Weight(const Int4Source& source, int64_t groupSize);
/// An int8 product.
Status checkProduct(const CodeView& x, int64_t inputs, int64_t outputs, int64_t yStride);
Status checkZeroPoints(const Int8Dequantize& how, int64_t inputs);
/// A 4-bit product.
Status checkProduct(const MatrixView& x, int64_t inputs, int64_t outputs, int64_t yStride);
Status checkRows(int64_t rows, int64_t cols, int64_t stride);
Status wrongDevice();

}  // namespace quantscope::cuda
