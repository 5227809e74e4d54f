// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// The tensor as F32, whatever its dtype (block formats are decoded, Bool is 0 or 1, F64 and wide integers
/// are rounded to nearest). An F32 tensor comes back as it is: same bytes, same id. Parallel.
/// Errors: cancelled, out of memory.
Result<Tensor> toFloat32(const Tensor& tensor, const Job& job = {});

/// Rows firstRow .. firstRow + rows - 1 (of Tensor::rows()) to out[rows * cols()], in the calling thread.
/// The range must lie inside (asserted).
void decodeRows(const Tensor& tensor, int64_t firstRow, int64_t rows, float* out);

}  // namespace quantscope
