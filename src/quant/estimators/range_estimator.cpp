// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/range_estimator.h"

#include <fmt/format.h>

#include <array>

#include "quant/blocks/block_pass.h"
#include "quant/estimators/kl.h"
#include "quant/estimators/manual.h"
#include "quant/estimators/minmax.h"
#include "quant/estimators/moving_average.h"
#include "quant/estimators/mse.h"
#include "quant/estimators/percentile.h"
#include "quant/scheme/text_numbers.h"

namespace quantscope {
namespace {

template <double Scheme::*kLow, double Scheme::*kHigh>
std::string pairText(const Scheme& scheme) {
    return fmt::format("{},{}", scheme.*kLow, scheme.*kHigh);
}

template <double Scheme::*kLow, double Scheme::*kHigh>
bool setPair(Scheme& scheme, std::string_view text) {
    return readPair(text, ',', scheme.*kLow, scheme.*kHigh);
}

EstimatorValue percentiles() {
    return {"LOW,HIGH", "0.1,99.9", "percentiles", pairText<&Scheme::percentileLow, &Scheme::percentileHigh>,
            setPair<&Scheme::percentileLow, &Scheme::percentileHigh>};
}

EstimatorValue momentum() {
    return {"MOMENTUM", "0.9", "momentum", [](const Scheme& s) { return fmt::format("{}", s.momentum); },
            [](Scheme& s, std::string_view text) { return readNumber(text, s.momentum); }};
}

EstimatorValue manualRangeValue() {
    return {"LOW,HIGH", "-1,1", "manual-range", pairText<&Scheme::manualLow, &Scheme::manualHigh>,
            setPair<&Scheme::manualLow, &Scheme::manualHigh>};
}

}  // namespace

std::span<const RangeEstimatorInfo> rangeEstimators() {
    using E = RangeEstimator;
    static const std::array kEstimators{
        RangeEstimatorInfo{E::MinMax, "minmax", "Min-max",
                           "[min, max]: nothing is clipped, one outlier stretches the range.", minMaxRange},
        RangeEstimatorInfo{
            E::Percentile, "percentile", "Percentile",
            "[percentile(low), percentile(high)], linear interpolation at f (n - 1) (lecture 004; "
            "numpy.percentile).",
            percentileRange, percentiles()},
        RangeEstimatorInfo{
            E::Mse, "mse", "Least squared error",
            "argmin over [a min, c max] of the sum of (r - r^)^2: a grid of shrink ratios, then "
            "refinement (Banner et al. 2019; AWQ's clip search).",
            mseRange},
        RangeEstimatorInfo{
            E::Kl, "kl", "KL divergence (entropy)",
            "the threshold T on |r| with the least KL(P || Q) between the clipped histogram and its "
            "quantized form (Migacz, TensorRT, 2017).",
            klRange},
        RangeEstimatorInfo{
            E::MovingAverage, "moving-average", "Moving average",
            "min and max of chunks of 32 rows, averaged: range = m range + (1 - m) chunk (PyTorch's "
            "MovingAverageMinMaxObserver).",
            movingAverageRange, momentum()},
        RangeEstimatorInfo{E::Manual, "manual", "Manual", "The two ends as given.", manualRange,
                           manualRangeValue()}};
    return kEstimators;
}

const RangeEstimatorInfo& infoOf(RangeEstimator estimator) {
    return rangeEstimators()[static_cast<size_t>(estimator)];
}

Result<Range> estimateRange(const MatrixView& block, const Scheme& scheme) {
    if (const Status valid = validate(scheme); !valid) return fail(valid.error());
    if (block.size() == 0) return Range{};
    for (int64_t r = 0; r < block.rows; ++r) {
        const int64_t bad = firstNonFinite(block.row(r), block.cols);
        if (bad < 0) continue;
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("element [{}, {}] is {}", r, bad, block.at(r, bad)), "values",
                    "only finite numbers can be quantized");
    }
    return infoOf(scheme.estimator).estimate(block, scheme);
}

Result<Range> estimateRange(std::span<const float> values, const Scheme& scheme) {
    const auto count = static_cast<int64_t>(values.size());
    return estimateRange(MatrixView{values.data(), 1, count, count}, scheme);
}

}  // namespace quantscope
