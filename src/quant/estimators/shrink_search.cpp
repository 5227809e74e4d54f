// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/shrink_search.h"

#include <cmath>

#include "quant/passes/quantize_run.h"

namespace quantscope {
namespace {

constexpr double kTailFactor = 0.88;  // below the grid, for heavy tails: its least ratio * 0.88, * 0.88, ...
constexpr double kSmallestRatio = 0.004;
constexpr double kSmallestStep = 0.0018;

/// The search's state: values to judge on and the best shrink ratios of the two ends so far.
class ShrinkSearch {
 public:
    ShrinkSearch(const Scheme& scheme, const Range& full, std::span<const float> values,
                 std::span<const float> weights, ShrinkGrid grid)
        : m_scheme(scheme),
          m_full(full),
          m_values(values),
          m_weights(weights),
          m_gridStep(grid.step),
          m_gridSteps(static_cast<int>(std::lround((1 - grid.least) / grid.step))) {
        m_bestError = errorOf(1, 1);
    }

    Range best() {
        const bool affine = m_scheme.mapping == Mapping::Affine;
        for (int i = 1; i <= m_gridSteps; ++i) consider(1 - i * m_gridStep, 1 - i * m_gridStep);
        const double lowest = 1 - m_gridSteps * m_gridStep;
        if (m_low <= lowest) considerTail(lowest * kTailFactor);
        if (affine) {
            for (int i = 0; i <= m_gridSteps; ++i) consider(1 - i * m_gridStep, m_high);
            for (int i = 0; i <= m_gridSteps; ++i) consider(m_low, 1 - i * m_gridStep);
        }
        double step = m_gridStep / 2;
        while (step > kSmallestStep) {
            refine(step, affine);
            step /= 2;
        }
        return rangeOf(m_low, m_high);
    }

 private:
    [[nodiscard]] Range rangeOf(double low, double high) const {
        return {static_cast<float>(low * static_cast<double>(m_full.low)),
                static_cast<float>(high * static_cast<double>(m_full.high)), m_full.lowIsExtreme};
    }

    [[nodiscard]] double errorOf(double low, double high) const {
        const QuantizeParams params = quantizeParams(m_scheme, paramsFromRange(rangeOf(low, high), m_scheme));
        return runSquaredError(m_values, m_weights, params);
    }

    void considerTail(double ratio) {
        while (ratio > kSmallestRatio) {
            consider(ratio, ratio);
            ratio *= kTailFactor;
        }
    }

    void consider(double low, double high) {
        if (low < 0 || high < 0 || low > 1 || high > 1) return;
        const double error = errorOf(low, high);
        if (error < m_bestError) {
            m_bestError = error;
            m_low = low;
            m_high = high;
        }
    }

    void refine(double step, bool affine) {
        if (!affine) {
            const double centre = m_low;
            consider(centre - step, centre - step);
            consider(centre + step, centre + step);
            return;
        }
        const double low = m_low;
        consider(low - step, m_high);
        consider(low + step, m_high);
        const double high = m_high;
        consider(m_low, high - step);
        consider(m_low, high + step);
    }

    const Scheme& m_scheme;
    Range m_full;
    std::span<const float> m_values;
    std::span<const float> m_weights;
    double m_gridStep;
    int m_gridSteps;
    double m_low = 1;
    double m_high = 1;
    double m_bestError = 0;
};

}  // namespace

Range shrunkRange(const Scheme& scheme, const Range& full, std::span<const float> values,
                  std::span<const float> weights, ShrinkGrid grid) {
    return ShrinkSearch(scheme, full, values, weights, grid).best();
}

}  // namespace quantscope
