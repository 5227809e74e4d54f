// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/elementwise_kernels.h"
#include "quant/passes/error_split.h"
#include "quant/passes/group_layout.h"
#include "quant/passes/quantize_params.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Passes over whole matrices in parallel. Results do not depend on the number of threads. Every pass asks
/// the job after about a quarter million elements and fails with Cancelled when it was stopped (what it had
/// written is then incomplete). `groups` are what chooseGroupParams or QuantizedTensor::groups() give for the
/// layout.

/// chooseGroupParams of quant/quantized_tensor.h, equal to it in every bit and every error; min-max ranges
/// (the default) take the kernels' passes, which read the matrix once.
Result<std::vector<GroupParams>> chooseGroupParams(const MatrixView& input, const Scheme& scheme,
                                                   const ElementwiseKernels& kernels, const Job& job = {});

/// dst [rows x cols], consecutive = r^ of every element. dst may be the view's own data if that is
/// consecutive.
Status fakeQuantizeMatrix(const MatrixView& input, const Scheme& scheme, std::span<const GroupParams> groups,
                          const ElementwiseKernels& kernels, float* dst, const Job& job = {});

/// dst [rows x cols], consecutive = code of every element.
Status encodeMatrix(const MatrixView& input, const Scheme& scheme, std::span<const GroupParams> groups,
                    const ElementwiseKernels& kernels, int32_t* dst, const Job& job = {});

/// The error split of the whole matrix, without storing r^. (analysis/variant_pass splits it by channel and
/// group.)
Result<ErrorSplit> errorSplitMatrix(const MatrixView& input, const Scheme& scheme,
                                    std::span<const GroupParams> groups, const ElementwiseKernels& kernels,
                                    const Job& job = {});

/// Both in one reading of the matrix.
Result<ErrorSplit> fakeQuantizeWithError(const MatrixView& input, const Scheme& scheme,
                                         std::span<const GroupParams> groups,
                                         const ElementwiseKernels& kernels, float* dst, const Job& job = {});

/// Counts of `bins` equal bins over [low, high]; see ElementwiseKernels::histogram.
Result<std::vector<uint64_t>> histogramMatrix(const MatrixView& input, float low, float high, int bins,
                                              const ElementwiseKernels& kernels, const Job& job = {});

/// Extremes and sums of the whole matrix.
Result<Extremes> extremesMatrix(const MatrixView& input, const ElementwiseKernels& kernels,
                                const Job& job = {});

}  // namespace quantscope
