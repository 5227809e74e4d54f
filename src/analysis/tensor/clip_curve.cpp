// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/clip_curve.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel_for.h"
#include "quant/estimators/range_estimator.h"
#include "quant/formats/grid.h"
#include "quant/passes/reference.h"

namespace quantscope {

namespace {

/// Estimators that search look at this many values: enough for a mark on a chart, at a hundredth of the cost.
constexpr int64_t kEstimatorValues = int64_t{1} << 13;

/// Levels of a grid and where TowardZero points to.
struct Levels {
    std::vector<float> values;
    Rounding rounding = Rounding::HalfEven;
    double pivot = 0;
};

Levels levelsOf(const Range& range, const Scheme& scheme) {
    const GroupParams params = paramsFromRange(range, scheme);
    Levels levels;
    for (const double level : gridLevels(storedParams(params, scheme), scheme))
        levels.values.push_back(static_cast<float>(level));
    levels.rounding = scheme.rounding;
    const QuantizeParams p = quantizeParams(scheme, params);
    // The mode works on r / S (plus Z when it stands inside), whose zero is this value of r.
    if (p.domain == ZeroPointDomain::Minimum)
        levels.pivot = static_cast<double>(p.group.zeroPoint);
    else if (p.zeroPointInside)
        levels.pivot = static_cast<double>(dequantizeValue(0, p));
    // A negative scale turns the grid round.
    if (p.group.scale < 0 && scheme.rounding == Rounding::Floor) levels.rounding = Rounding::Ceil;
    if (p.group.scale < 0 && scheme.rounding == Rounding::Ceil) levels.rounding = Rounding::Floor;
    return levels;
}

ClipPoint pointAt(const SortedValues& values, const Range& range, const Scheme& scheme) {
    const Levels levels = levelsOf(range, scheme);
    const ErrorSplit split = values.errorOn(levels.values, levels.rounding, levels.pivot);
    const double count = std::max(1.0, values.populationCount());
    const double limit = static_cast<double>(std::max(std::abs(range.low), std::abs(range.high)));
    ClipPoint point;
    point.ratio = limit / static_cast<double>(values.absMax());
    point.limit = limit;
    point.clippingMse = split.clippingSse / count;
    point.roundingMse = split.roundingSse / count;
    point.clippedShare = static_cast<double>(split.clippedCount) / count;
    return point;
}

Range scaledRange(const SortedValues& values, double ratio) {
    return Range{static_cast<float>(ratio * static_cast<double>(values.minimum())),
                 static_cast<float>(ratio * static_cast<double>(values.maximum())), false};
}

/// Points of a 16-bit grid cost 65,536 levels each, so there are fewer of them.
int pointCount(const Scheme& scheme, const ClipCurveOptions& options) {
    const int wanted = std::clamp(options.points, 2, 512);
    return scheme.bits > 8 ? std::min(wanted, 24) : wanted;
}

std::string markLabel(const RangeEstimatorInfo& info, const Scheme& scheme) {
    if (info.estimator != RangeEstimator::Percentile) return info.label;
    std::string number = std::to_string(scheme.percentileHigh);
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
    return number + " %";
}

/// The range of least squared error over all stored values, from the best point of the curve on: quantiles
/// would give the extremes of a heavy tail far more weight than they have.
Range leastErrorRange(const SortedValues& values, const Scheme& scheme, double startRatio) {
    const Range full = scaledRange(values, 1);
    const auto rangeAt = [&](double low, double high) {
        return Range{static_cast<float>(low * static_cast<double>(full.low)),
                     static_cast<float>(high * static_cast<double>(full.high)), full.lowIsExtreme};
    };
    double low = startRatio;
    double high = startRatio;
    double best = pointAt(values, rangeAt(low, high), scheme).totalMse();
    const auto consider = [&](double newLow, double newHigh) {
        if (newLow > 1 || newHigh > 1) return;
        const double error = pointAt(values, rangeAt(newLow, newHigh), scheme).totalMse();
        if (error >= best) return;
        best = error;
        low = newLow;
        high = newHigh;
    };
    for (const double step : {0.1, 0.05, 0.025, 0.0125, 0.00625}) {
        for (const double factor : {1 + step, 1 / (1 + step)}) {
            consider(low * factor, high * factor);
            if (scheme.mapping == Mapping::Symmetric) continue;
            consider(low * factor, high);
            consider(low, high * factor);
        }
    }
    return rangeAt(low, high);
}

Result<Range> rangeFor(const SortedValues& values, const std::vector<float>& resampled, const Scheme& scheme,
                       double bestRatio) {
    const bool allValues = static_cast<int64_t>(resampled.size()) >= values.size();
    if (scheme.estimator == RangeEstimator::Mse && !allValues)
        return leastErrorRange(values, scheme, bestRatio);
    if (scheme.estimator == RangeEstimator::MinMax) return scaledRange(values, 1);
    if (scheme.estimator == RangeEstimator::Percentile)
        return Range{static_cast<float>(values.percentile(scheme.percentileLow)),
                     static_cast<float>(values.percentile(scheme.percentileHigh)), false};
    return estimateRange(resampled, scheme);
}

Result<std::vector<ClipMark>> marksOf(const SortedValues& values, const Scheme& scheme, double bestRatio,
                                      const Job& job) {
    const std::vector<float> resampled = values.resampled(kEstimatorValues);
    std::vector<ClipMark> marks;
    for (const RangeEstimatorInfo& info : rangeEstimators()) {
        const bool current = info.estimator == scheme.estimator;
        // A manual range is somebody's choice and a moving average depends on the order of the data: both are
        // shown only when they are what the variant uses.
        const bool always =
            info.estimator != RangeEstimator::Manual && info.estimator != RangeEstimator::MovingAverage;
        if (!always && !current) continue;
        if (!job.proceed(0.9, info.label)) return fail(ErrorKind::Cancelled, "stopped");
        Scheme asked = scheme;
        asked.estimator = info.estimator;
        const auto range = rangeFor(values, resampled, asked, bestRatio);
        if (!range) return fail(range.error());
        ClipMark mark;
        mark.estimator = info.estimator;
        mark.label = markLabel(info, scheme);
        mark.low = static_cast<double>(range->low);
        mark.high = static_cast<double>(range->high);
        mark.current = current;
        mark.point = pointAt(values, *range, scheme);
        marks.push_back(mark);
    }
    std::stable_sort(marks.begin(), marks.end(),
                     [](const ClipMark& a, const ClipMark& b) { return a.point.ratio < b.point.ratio; });
    return marks;
}

}  // namespace

Result<ClipCurve> clipCurve(const SortedValues& values, const Scheme& scheme, const ClipCurveOptions& options,
                            const Job& job) {
    if (auto status = validate(scheme); !status) return fail(status.error());
    ClipCurve curve;
    curve.scheme = scheme;
    curve.scheme.granularity = Granularity::Tensor;
    curve.absMax = static_cast<double>(values.absMax());
    curve.exact = values.exact();
    if (scheme.isFloat() || !(curve.absMax > 0)) return curve;
    const int count = pointCount(scheme, options);
    const double smallest = std::clamp(options.smallestRatio, 1e-6, 0.999);
    curve.points.resize(static_cast<size_t>(count));
    std::atomic<bool> stopped = false;
    parallelFor(count, 1, [&](int64_t i, int64_t) {
        if (stopped || !job.proceed(0.9 * static_cast<double>(i) / count, "clip curve")) {
            stopped = true;
            return;
        }
        const double ratio = std::pow(smallest, 1 - static_cast<double>(i) / (count - 1));
        curve.points[static_cast<size_t>(i)] = pointAt(values, scaledRange(values, ratio), curve.scheme);
    });
    if (stopped) return fail(ErrorKind::Cancelled, "stopped");
    curve.best =
        *std::min_element(curve.points.begin(), curve.points.end(),
                          [](const ClipPoint& a, const ClipPoint& b) { return a.totalMse() < b.totalMse(); });
    auto marks = marksOf(values, curve.scheme, curve.best.ratio, job);
    if (!marks) return fail(marks.error());
    curve.marks = std::move(*marks);
    return curve;
}

Scheme clipCurveScheme(const Scheme& scheme) {
    const Scheme defaults;
    Scheme plain = scheme;
    plain.granularity = Granularity::Tensor;
    plain.groupSize = defaults.groupSize;
    plain.blockRows = defaults.blockRows;
    plain.blockCols = defaults.blockCols;
    // A moving average has its mark only while it is in use, so it keeps a curve of its own.
    if (scheme.estimator == RangeEstimator::MovingAverage) return plain;
    plain.estimator = defaults.estimator;
    plain.manualLow = defaults.manualLow;
    plain.manualHigh = defaults.manualHigh;
    return plain;
}

ClipCurve withMarkOf(const ClipCurve& curve, const SortedValues& values, const Scheme& scheme) {
    ClipCurve marked = curve;
    if (curve.points.empty()) return marked;
    for (ClipMark& mark : marked.marks) mark.current = mark.estimator == scheme.estimator;
    if (scheme.estimator != RangeEstimator::Manual) return marked;
    Scheme plain = curve.scheme;
    plain.estimator = scheme.estimator;
    const Range range{static_cast<float>(scheme.manualLow), static_cast<float>(scheme.manualHigh), false};
    ClipMark mark;
    mark.estimator = scheme.estimator;
    for (const RangeEstimatorInfo& info : rangeEstimators())
        if (info.estimator == scheme.estimator) mark.label = info.label;
    mark.low = static_cast<double>(range.low);
    mark.high = static_cast<double>(range.high);
    mark.current = true;
    mark.point = pointAt(values, range, plain);
    const auto after = [&mark](const ClipMark& other) { return other.point.ratio > mark.point.ratio; };
    marked.marks.insert(std::find_if(marked.marks.begin(), marked.marks.end(), after), mark);
    return marked;
}

}  // namespace quantscope
