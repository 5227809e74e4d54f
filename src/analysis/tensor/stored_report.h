// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "analysis/tensor/tensor_experiment.h"

namespace quantscope {

/// variantReport() of a quantization with `stored` values: two passes, the second for the histogram of
/// errors, whose axis (where none is given) reaches four times their root mean square or the largest of
/// them, whichever is less. Groups have no sums of their own. Error: Cancelled.
Result<VariantReport> storedReport(const MatrixView& matrix, MatrixQuantization quantization,
                                   const VariantReportOptions& options, const KernelTable& kernels,
                                   const Job& job);

}  // namespace quantscope
