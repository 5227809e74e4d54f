// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "analysis/tensor/error_report.h"
#include "analysis/tensor/heatmap.h"
#include "analysis/tensor/matrix_quantization.h"
#include "analysis/tensor/metrics.h"
#include "analysis/tensor/tensor_report.h"
#include "analysis/tensor/value_histogram.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "tensor/histogram.h"

namespace quantscope {

/// Everything the Tensor lab shows of one variant, from one pass over the matrix (after the parameters were
/// chosen).
struct VariantReport {
    MatrixQuantization quantization;
    ErrorReport errors;
    Metrics metrics;
    Histogram dequantized;  ///< on the shared axis
    Histogram error;        ///< of r - r^, on errorAxis
    CodeHistogram codes;    ///< empty for float and for a stored weight without codes
    GridMarks marks;        ///< of the typical group
};

struct VariantReportOptions {
    HistogramAxis axis;       ///< of the values; low == high: no histogram is made
    HistogramAxis errorAxis;  ///< low == high: chosen from the variant (value_histogram.h)
    int errorBins = 256;      ///< used in that case; 0: no histogram is made
    bool countCodes = true;   ///< false: no code counts, nor the metrics made of them
    bool operator==(const VariantReportOptions&) const = default;
};

/// One pass, in parallel, cancellable every 2^20 elements; the same result for any number of threads.
/// Errors: Cancelled; InvalidArgument when the quantization's layout does not fit the matrix.
/// A stored weight without codes has no represented range: all of its error is rounding error,
/// clippedShare, codeUse and codeEntropyBits are NaN.
Result<VariantReport> variantReport(const MatrixView& matrix, MatrixQuantization quantization,
                                    const VariantReportOptions& options, const KernelTable& kernels,
                                    const Job& job);

}  // namespace quantscope
