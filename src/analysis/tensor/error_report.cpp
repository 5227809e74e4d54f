// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/error_report.h"

#include "analysis/tensor/tensor_experiment.h"

namespace quantscope {

Result<ErrorReport> errorReport(const MatrixView& matrix, const MatrixQuantization& quantization,
                                const KernelTable& kernels, const Job& job) {
    VariantReportOptions options;
    options.errorBins = 0;
    options.countCodes = false;
    auto report = variantReport(matrix, quantization, options, kernels, job);
    if (!report) return fail(report.error());
    return std::move(report->errors);
}

}  // namespace quantscope
