// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "quant/group_layout.h"
#include "quant/quantize_params.h"
#include "quant/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Scale and zero point of every group: chooseGroupParams() by way of the kernel table where the range is
/// min-max. Equal in every bit. Errors: NaN or infinity (InvalidArgument), cancelled.
Result<std::vector<GroupParams>> groupParamsOf(const MatrixView& src, const Scheme& scheme,
                                               const KernelTable& kernels, const Job& job = {});

/// dst [rows x cols] (consecutive; may be src) = r^ of src with these parameters. Parallel over rows.
void fakeQuantizeWith(const MatrixView& src, const Scheme& scheme, const GroupLayout& layout,
                      const std::vector<GroupParams>& params, const KernelTable& kernels, float* dst);

/// Both: equal to dequantize(quantize(src, scheme)) without making codes.
Status fakeQuantizeMatrix(const MatrixView& src, const Scheme& scheme, const KernelTable& kernels, float* dst,
                          const Job& job = {});

}  // namespace quantscope
