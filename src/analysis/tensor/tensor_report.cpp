// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/tensor_report.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace quantscope {

namespace {

constexpr int kTopValues = 256;
constexpr std::array<double, 11> kPercents{0.01, 0.1, 1, 5, 25, 50, 75, 95, 99, 99.9, 99.99};

void findFirstBad(TensorReport& report, const MatrixView& matrix) {
    if (report.moments.nanCount + report.moments.infCount == 0) return;
    for (int64_t row = 0; row < matrix.rows; ++row)
        for (int64_t col = 0; col < matrix.cols; ++col) {
            if (std::isfinite(matrix.at(row, col))) continue;
            report.firstBadRow = row;
            report.firstBadCol = col;
            return;
        }
}

void fillPercentiles(TensorStage& stage) {
    stage.report.percentilesExact = stage.sorted.exact();
    for (const double percent : kPercents)
        stage.report.percentiles.push_back({percent, stage.sorted.percentile(percent)});
}

std::string withSeparators(int64_t number) {
    std::string digits = std::to_string(number);
    for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3)
        digits.insert(static_cast<size_t>(i), ",");
    return digits;
}

}  // namespace

Result<TensorStage> analyzeTensor(const MatrixView& matrix, const Job& job, int64_t maxSorted) {
    TensorStage stage;
    stage.report.rows = matrix.rows;
    stage.report.cols = matrix.cols;
    auto moments = momentsOf(matrix, job.part(0, 0.4));
    if (!moments) return fail(moments.error());
    stage.report.moments = *moments;
    auto extremes = extremesOf(matrix, kTopValues, job.part(0.4, 0.6));
    if (!extremes) return fail(extremes.error());
    stage.report.extremes = std::move(*extremes);
    auto sorted = SortedValues::of(matrix, stage.report.extremes, maxSorted, job.part(0.6, 1));
    if (!sorted) return fail(sorted.error());
    stage.sorted = std::move(*sorted);
    fillPercentiles(stage);
    findFirstBad(stage.report, matrix);
    return stage;
}

Result<TensorStage> analyzeSample(const MatrixView& matrix, const MatrixSample& sample, const Job& job) {
    constexpr int64_t kSorted = int64_t{1} << 18;
    auto extremes = extremesOf(matrix, kTopValues, job.part(0, 0.5));
    if (!extremes) return fail(extremes.error());
    auto moments = momentsOf(sample.view, job.part(0.5, 0.7));
    if (!moments) return fail(moments.error());
    auto sorted = SortedValues::of(matrix, *extremes, kSorted, job.part(0.7, 1));
    if (!sorted) return fail(sorted.error());
    TensorStage stage;
    stage.report.rows = matrix.rows;
    stage.report.cols = matrix.cols;
    stage.report.moments = *moments;
    stage.report.moments.minimum = extremes->minimum;
    stage.report.moments.maximum = extremes->maximum;
    stage.report.extremes = std::move(*extremes);
    stage.sorted = std::move(*sorted);
    fillPercentiles(stage);
    return stage;
}

std::string summaryLine(const TensorReport& report) {
    const Moments& m = report.moments;
    std::string line = fmt::format("min {:.4g} max {:.4g} std {:.4g} kurtosis {:.3g} · {} elements",
                                   static_cast<double>(m.minimum), static_cast<double>(m.maximum),
                                   m.standardDeviation(), m.kurtosis(), withSeparators(report.size()));
    if (m.nanCount > 0) line += fmt::format(" · {} NaN", withSeparators(m.nanCount));
    if (m.infCount > 0) line += fmt::format(" · {} infinite", withSeparators(m.infCount));
    return line;
}

}  // namespace quantscope
