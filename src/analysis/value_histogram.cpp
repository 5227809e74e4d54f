// SPDX-License-Identifier: Apache-2.0
#include "analysis/value_histogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "analysis/padded_bins.h"
#include "quant/grid.h"
#include "quant/reference.h"
#include "tensor/reduce_elements.h"

namespace quantscope {

namespace {

/// A histogram that reduceElements can build: it learns its axis from the first values.
struct PaddedPart {
    PaddedBins bins;
    void merge(const PaddedPart& other) { bins.merge(other.bins); }
};

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
    if (quantization.groups.empty()) return 0;
    std::vector<int64_t> order(quantization.groups.size());
    std::iota(order.begin(), order.end(), 0);
    const auto scale = [&](int64_t group) {
        return std::abs(quantization.groups[static_cast<size_t>(group)].scale);
    };
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 2);
    std::nth_element(order.begin(), middle, order.end(), [&](int64_t a, int64_t b) {
        return scale(a) != scale(b) ? scale(a) < scale(b) : a < b;
    });
    return *middle;
}

}  // namespace quantscope
