// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/value_histogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "analysis/tensor/padded_bins.h"
#include "quant/formats/grid.h"
#include "quant/passes/reference.h"
#include "tensor/reduce_elements.h"

namespace quantscope {

namespace {

/// A histogram that reduceElements can build: it learns its axis from the first values.
struct PaddedPart {
    PaddedBins bins;
    void merge(const PaddedPart& other) { bins.merge(other.bins); }
};

/// Levels are known of the group that the codes show.
GridMarks storedMarks(const StoredWeight& stored, int64_t group) {
    GridMarks marks;
    if (!stored.codes || stored.codes->ranges.empty()) return marks;
    const StoredCodes& codes = *stored.codes;
    marks.group = group;
    marks.wholeTensor = codes.ranges.size() == 1 && codes.divisor.empty();
    marks.clipLow = codes.ranges[static_cast<size_t>(group)].low;
    marks.clipHigh = codes.ranges[static_cast<size_t>(group)].high;
    if (group == codes.shownGroup) marks.levels = codes.levels;
    return marks;
}

}  // namespace

HistogramAxis histogramAxis(const TensorStage& tensor, int bins, double zoom) {
    HistogramAxis axis;
    axis.bins = std::clamp(bins, 1, kMaxHistogramBins);
    axis.low = tensor.report.moments.minimum;
    axis.high = tensor.report.moments.maximum;
    if (zoom > 0 && zoom < 1) {
        axis.low = static_cast<float>(tensor.sorted.percentile(50 * (1 - zoom)));
        axis.high = static_cast<float>(tensor.sorted.percentile(50 * (1 + zoom)));
    }
    const Histogram widened = makeHistogram(axis.low, axis.high, axis.bins);
    return {widened.low, widened.high, axis.bins};
}

HistogramAxis errorAxis(const MatrixQuantization& quantization, int bins) {
    float step = 0;
    for (const GroupParams& group : quantization.groups) step = std::max(step, std::abs(group.scale));
    const Rounding rounding = quantization.scheme.rounding;
    const bool nearest =
        rounding == Rounding::HalfEven || rounding == Rounding::HalfAway || rounding == Rounding::HalfUp;
    const float limit = nearest ? step / 2 : step;
    const Histogram widened = makeHistogram(-limit, limit, std::clamp(bins, 1, kMaxHistogramBins));
    return {widened.low, widened.high, widened.bins()};
}

Result<Histogram> floatHistogram(const MatrixView& matrix, const HistogramAxis& axis,
                                 const KernelTable& kernels, const Job& job) {
    auto part = reduceElements<PaddedPart>(matrix, job, "histogram",
                                           [&](PaddedPart& into, std::span<const float> values, int64_t) {
                                               if (into.bins.empty())
                                                   into.bins = PaddedBins(axis.low, axis.high, axis.bins);
                                               into.bins.add(values, kernels.elementwise);
                                           });
    if (!part) return fail(part.error());
    return part->bins.empty() ? makeHistogram(axis.low, axis.high, axis.bins) : part->bins.histogram();
}

GridMarks gridMarks(const MatrixQuantization& quantization, int64_t group) {
    GridMarks marks;
    if (quantization.stored) return storedMarks(*quantization.stored, group);
    if (quantization.isFloat() || quantization.groups.empty()) return marks;
    assert(group >= 0 && group < static_cast<int64_t>(quantization.groups.size()));
    marks.group = group;
    marks.wholeTensor = quantization.groups.size() == 1;
    const QuantizeParams params =
        quantizeParams(quantization.scheme, quantization.groups[static_cast<size_t>(group)]);
    marks.params = params.group;
    marks.clipLow = dequantizeValue(params.codeMin, params);
    marks.clipHigh = dequantizeValue(params.codeMax, params);
    if (marks.clipLow > marks.clipHigh) std::swap(marks.clipLow, marks.clipHigh);
    if (quantization.scheme.bits <= 8)
        for (const double level : gridLevels(params.group, quantization.scheme))
            marks.levels.push_back(static_cast<float>(level));
    return marks;
}

int64_t typicalGroup(const MatrixQuantization& quantization) {
    if (quantization.stored) return quantization.stored->codes ? quantization.stored->codes->shownGroup : 0;
    if (quantization.groups.empty()) return 0;
    std::vector<float> scales;
    scales.reserve(quantization.groups.size());
    for (const GroupParams& group : quantization.groups) scales.push_back(std::abs(group.scale));
    std::vector<float> sorted = scales;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    // Of several groups with the median scale, the one that a stable sort would put in the middle.
    auto rank =
        middle - sorted.begin() - std::count_if(sorted.begin(), middle, [&](float x) { return x < *middle; });
    auto group = std::find(scales.begin(), scales.end(), *middle);
    for (; rank > 0; --rank) group = std::find(group + 1, scales.end(), *middle);
    return group - scales.begin();
}

}  // namespace quantscope
