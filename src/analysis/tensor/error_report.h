// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "analysis/tensor/metrics.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "quant/passes/error_split.h"

namespace quantscope {

/// Vectors longer than this are left empty: nobody looks at two million bars, and they would outgrow the
/// tensor.
constexpr int64_t kMaxReportedSplits = int64_t{1} << 20;

/// Clipping and rounding error of one variant, exactly, at every level. The sums of each vector equal `total`
/// up to the order of addition (counts exactly). The float reference has no vectors.
struct ErrorReport {
    ErrorSplit total;
    std::vector<ErrorSplit> outputChannels;  ///< one a row of the matrix
    std::vector<ErrorSplit> inputChannels;   ///< one a column
    std::vector<ErrorSplit> groups;          ///< one a group of the layout, row-major
};

/// Exact pass over the matrix (see tensor_experiment.h, which computes this together with the histograms).
Result<ErrorReport> errorReport(const MatrixView& matrix, const MatrixQuantization& quantization,
                                const KernelTable& kernels, const Job& job);

}  // namespace quantscope
