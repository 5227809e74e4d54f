// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/tensor/sorted_values.h"
#include "base/job.h"
#include "base/result.h"
#include "tensor/sample.h"
#include "tensor/statistics.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Value at a percentage of the sorted elements.
struct ValuePercentile {
    double percent = 0;
    double value = 0;
    bool operator==(const ValuePercentile&) const = default;
};

/// What one line (and one tooltip) says about a tensor. Made once a tensor, whatever the variants.
struct TensorReport {
    int64_t rows = 0;
    int64_t cols = 0;
    Moments moments;
    MatrixExtremes extremes;                   ///< with the 256 largest magnitudes
    std::vector<ValuePercentile> percentiles;  ///< 0.01 0.1 1 5 25 50 75 95 99 99.9 99.99
    bool percentilesExact = true;              ///< false: from a sample
    /// First NaN or infinity (row, col), when there is one: what an error message points at.
    int64_t firstBadRow = -1;
    int64_t firstBadCol = -1;

    [[nodiscard]] int64_t size() const { return rows * cols; }
};

/// Everything that depends on the tensor alone; keep both parts, the second feeds clip curves.
struct TensorStage {
    TensorReport report;
    SortedValues sorted;
};

/// Two parallel passes and a sort of at most `maxSorted` values. Error: Cancelled.
Result<TensorStage> analyzeTensor(const MatrixView& matrix, const Job& job,
                                  int64_t maxSorted = int64_t{1} << 20);

/// The same for a first look at a large matrix, in one reading of it and work on the sample: extremes and the
/// largest magnitudes are exact, moments and percentiles are the sample's, firstBad is not looked for.
/// Error: Cancelled.
Result<TensorStage> analyzeSample(const MatrixView& matrix, const MatrixSample& sample, const Job& job);

/// "min -5.78 max 1.86 std 0.107 kurtosis 312 · 884,736 elements".
std::string summaryLine(const TensorReport& report);

}  // namespace quantscope
