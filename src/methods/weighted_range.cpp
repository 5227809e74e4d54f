// SPDX-License-Identifier: Apache-2.0
#include "methods/weighted_range.h"

#include <algorithm>
#include <atomic>

#include "base/parallel_for.h"
#include "methods/coded_weight.h"
#include "methods/options.h"
#include "quant/estimators/minmax.h"
#include "quant/quantize_run.h"
#include "quant/reference.h"

namespace quantscope {
namespace {

/// The shrink ratios of one group's range.
class RangeSearch {
 public:
    RangeSearch(const Scheme& scheme, std::span<const float> values, std::span<const double> importance)
        : m_scheme(scheme),
          m_values(values),
          m_importance(importance),
          m_codes(values.size()),
          m_rounded(values.size()) {
        const auto count = static_cast<int64_t>(values.size());
        m_full = minMaxRange({values.data(), 1, count, count}, scheme);
        m_least = errorOf(1, 1);
    }

    GroupParams best(int64_t points) {
        for (int64_t i = 1; i < points; ++i) {
            const double ratio = 1 - static_cast<double>(i) / static_cast<double>(points);
            consider(ratio, ratio);
        }
        double step = 1 / static_cast<double>(points);
        while (step > kLeastStep) {
            refine(step);
            step /= 2;
        }
        return paramsFromRange(rangeOf(m_low, m_high), m_scheme);
    }

 private:
    static constexpr double kLeastStep = 0.002;

    [[nodiscard]] Range rangeOf(double low, double high) const {
        return {static_cast<float>(low * static_cast<double>(m_full.low)),
                static_cast<float>(high * static_cast<double>(m_full.high)), m_full.lowIsExtreme};
    }
    double errorOf(double low, double high) {
        const QuantizeParams params = quantizeParams(m_scheme, paramsFromRange(rangeOf(low, high), m_scheme));
        quantizeRun(m_values, params, m_codes.data());
        dequantizeRun(m_codes, params, m_rounded.data());
        double sum = 0;
        for (size_t j = 0; j < m_values.size(); ++j) {
            const double error = static_cast<double>(m_values[j]) - static_cast<double>(m_rounded[j]);
            sum += m_importance[j] * error * error;
        }
        return sum;
    }
    void consider(double low, double high) {
        if (low <= 0 || high <= 0 || low > 1 || high > 1) return;
        const double error = errorOf(low, high);
        if (!(error < m_least)) return;
        m_least = error;
        m_low = low;
        m_high = high;
    }
    void refine(double step) {
        const double low = m_low;
        const double high = m_high;
        for (const double sign : {-1.0, 1.0}) {
            consider(low + sign * step, high + sign * step);
            if (m_scheme.mapping == Mapping::Symmetric) continue;
            consider(low + sign * step, high);
            consider(low, high + sign * step);
        }
    }

    const Scheme& m_scheme;
    std::span<const float> m_values;
    std::span<const double> m_importance;
    std::vector<int32_t> m_codes;
    std::vector<float> m_rounded;
    Range m_full;
    double m_low = 1;
    double m_high = 1;
    double m_least = 0;
};

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
        info.parameters = {integerParameter("points", "Points", "ratios that are tried first", 2, 1000, "25"),
                           inputsParameter()};
        return info;
    }();
    return kInfo;
}

Result<LayerResult> WeightedRange::quantize(const LayerInput& input, const Recipe& recipe,
                                            const Job& job) const {
    const Scheme& scheme = recipe.scheme;
    if (scheme.granularity != Granularity::Group && scheme.granularity != Granularity::OutputChannel)
        return fail(ErrorKind::Unsupported, "importance is of inputs: a range belongs to one output channel",
                    "scheme", "choose group=SIZE or channel");
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    const GroupLayout layout = GroupLayout::of(scheme, w.rows, w.cols);
    std::vector<GroupParams> groups(static_cast<size_t>(layout.groupCount()));
    std::vector<int32_t> codes(static_cast<size_t>(w.size()));
    const std::span<const double> importance = input.calibration->meanSquare;
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    parallelFor(w.rows, 8, [&](int64_t begin, int64_t end) {
        if (stopped) return;
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < w.cols; c += layout.blockCols) {
                const auto count = static_cast<size_t>(std::min(layout.blockCols, w.cols - c));
                const std::span<const float> values(w.row(r) + c, count);
                const auto group = static_cast<size_t>(layout.groupOf(r, c));
                groups[group] = RangeSearch(scheme, values, importance.subspan(static_cast<size_t>(c), count))
                                    .best(options.integer("points"));
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
