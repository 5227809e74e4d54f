// SPDX-License-Identifier: Apache-2.0
#include "methods/weighted_range.h"

#include <algorithm>
#include <atomic>

#include "base/parallel_for.h"
#include "methods/interface/input_order.h"
#include "methods/parts/coded_weight.h"
#include "quant/estimators/minmax.h"
#include "quant/estimators/shrink_search.h"
#include "quant/passes/quantize_run.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr ShrinkGrid kGrid{0.01, 0.03};

}  // namespace

const MethodInfo& WeightedRange::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "weighted";
        info.label = "Importance-weighted range";
        info.source = "llama.cpp, importance matrices (ggml-quants.c); MSE ranges as in Nagel et al. 2021";
        info.help =
            "round to nearest with the limits of least sum_j E[x_j^2] (w_j - w^_j)^2: weights whose inputs "
            "are "
            "large decide where a group is clipped";
        info.needs = CalibrationNeed::MeanSquares;
        info.kind = MethodKind::Heuristic;
        info.runsOnIntegerKernels = true;
        info.minimumBits = 3;
        info.scheme.bits = 4;
        info.scheme.mapping = Mapping::Affine;
        info.scheme.granularity = Granularity::Group;
        info.schemeRules = {{"granularity",
                             {"channel", "group"},
                             {ErrorKind::Unsupported,
                              "importance is of inputs: a range belongs to one output channel",
                              {},
                              "scheme",
                              "choose group=SIZE or channel"}}};
        info.ignoredOfScheme = rangeKeys();
        info.parameters = {inputsParameter()};
        return info;
    }();
    return kInfo;
}

Result<LayerResult> WeightedRange::quantize(const LayerInput& input, const Recipe& recipe,
                                            const Job& job) const {
    const Scheme& scheme = recipe.scheme;
    const MatrixView w = input.weight.matrix();
    const GroupLayout layout = GroupLayout::of(scheme, w.rows, w.cols);
    std::vector<GroupParams> groups(static_cast<size_t>(layout.groupCount()));
    std::vector<int32_t> codes(static_cast<size_t>(w.size()));
    const auto& squares = input.calibration->meanSquare;
    const std::vector<float> importance(squares.begin(), squares.end());
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    parallelFor(w.rows, 8, [&](int64_t begin, int64_t end) {
        if (stopped) return;
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < w.cols; c += layout.blockCols) {
                const auto count = static_cast<size_t>(std::min(layout.blockCols, w.cols - c));
                const std::span<const float> values(w.row(r) + c, count);
                const auto group = static_cast<size_t>(layout.groupOf(r, c));
                const std::span<const float> weights(&importance[static_cast<size_t>(c)], count);
                const auto length = static_cast<int64_t>(count);
                const Range full = minMaxRange({values.data(), 1, length, length}, scheme);
                groups[group] = paramsFromRange(shrunkRange(scheme, full, values, weights, kGrid), scheme);
                QuantizeParams params = quantizeParams(scheme, groups[group]);
                params.firstElement = static_cast<uint64_t>(r * w.cols + c);
                quantizeRun(values, params, &codes[static_cast<size_t>(r * w.cols + c)]);
            }
        const int64_t rows = done.fetch_add(end - begin) + end - begin;
        if (!job.proceed(static_cast<double>(rows) / static_cast<double>(w.rows), "ranges")) stopped = true;
    });
    if (stopped) return fail(ErrorKind::Cancelled, "the search of ranges was stopped");
    return codedResult(codedWeight(scheme, input.weight.shape(), codes, std::move(groups)));
}

}  // namespace quantscope
