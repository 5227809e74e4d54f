// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/layer_insides.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace quantscope {
namespace {

const TraceSeries* find(const Trace& trace, std::string_view name) {
    const auto found = std::find_if(trace.series.begin(), trace.series.end(),
                                    [&](const TraceSeries& series) { return series.name == name; });
    return found == trace.series.end() ? nullptr : &*found;
}

/// Largest over median; 0 when there is nothing.
double spreadOf(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle > 0 ? *std::max_element(values.begin(), values.end()) / *middle : 0;
}

std::optional<ChannelMaxima> maximaOf(const Trace& trace, std::string_view before, std::string_view after) {
    const TraceSeries* first = find(trace, before);
    const TraceSeries* second = find(trace, after);
    if (!first || !second || first->y.empty() || first->y.size() != second->y.size()) return std::nullopt;
    ChannelMaxima maxima{first->yLabel, second->yLabel, first->y, second->y};
    maxima.largestBefore = *std::max_element(first->y.begin(), first->y.end());
    maxima.largestAfter = *std::max_element(second->y.begin(), second->y.end());
    maxima.spreadBefore = spreadOf(first->y);
    maxima.spreadAfter = spreadOf(second->y);
    return maxima;
}

std::optional<LossCurve> lossOf(const Trace& trace) {
    const TraceSeries* series = find(trace, "loss");
    if (!series || series->xLabel != "alpha" || series->x.empty() || series->x.size() != series->y.size())
        return std::nullopt;
    LossCurve curve{series->xLabel, series->yLabel, series->x, series->y};
    const auto isLess = [&](size_t a, size_t b) { return curve.loss[a] < curve.loss[b]; };
    bool found = false;
    for (size_t i = 0; i < curve.loss.size(); ++i) {
        if (!std::isfinite(curve.loss[i])) continue;
        if (!found || isLess(i, curve.chosen)) curve.chosen = i;
        found = true;
    }
    if (!found) return std::nullopt;
    curve.reference = curve.loss.front();
    curve.gain = curve.reference > 0 ? 1 - curve.loss[curve.chosen] / curve.reference : 0;
    return curve;
}

}  // namespace

LayerInsides insidesOf(const Trace& trace) {
    return {maximaOf(trace, "inputs before", "inputs after"),
            maximaOf(trace, "weights before", "weights after"), lossOf(trace)};
}

}  // namespace quantscope
