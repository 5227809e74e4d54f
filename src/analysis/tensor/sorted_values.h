// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "quant/passes/error_split.h"
#include "quant/scheme/scheme.h"
#include "tensor/sample.h"
#include "tensor/tensor.h"

namespace quantscope {

/// The finite values of a matrix in increasing order with running sums of x and x^2: gives any percentile at
/// once and the exact squared error of any grid of L levels in O(L log n). Made once a tensor, used by every
/// variant, range estimator and clip limit.
///
/// A matrix of more than `maxValues` elements is sampled (tensor/sample.h), but its `top` values enter
/// exactly, each once, and every other value stands for `weight` elements.
class SortedValues {
 public:
    SortedValues() = default;
    /// Errors: Cancelled.
    static Result<SortedValues> of(const MatrixView& matrix, const MatrixExtremes& extremes,
                                   int64_t maxValues, const Job& job);

    [[nodiscard]] int64_t size() const { return static_cast<int64_t>(m_values.size()); }
    [[nodiscard]] std::span<const float> values() const { return m_values; }
    [[nodiscard]] bool exact() const { return m_exact; }  ///< every finite element is here
    [[nodiscard]] double populationCount() const;         ///< elements this stands for
    [[nodiscard]] float minimum() const;
    [[nodiscard]] float maximum() const;
    [[nodiscard]] float absMax() const;

    /// Value at `percent` in [0, 100]: linear interpolation at percent/100 (n - 1), numpy's default.
    [[nodiscard]] double percentile(double percent) const;

    /// Error of mapping every value to a level of `levels` (increasing, at least one). Values outside
    /// [levels.front(), levels.back()] are clipped; inside, `rounding` chooses between the two neighbouring
    /// levels (the three nearest modes have equal errors; TowardZero goes towards `towardZeroPivot`;
    /// Stochastic gives the expectation). Exact over the stored values, except that sums cancel to about 1e-8
    /// of the result for 8 bits; counts and sums are scaled by the weights, counts then rounded. maxAbs stays
    /// 0.
    [[nodiscard]] ErrorSplit errorOn(std::span<const float> levels, Rounding rounding,
                                     double towardZeroPivot = 0) const;

    /// At most `count` values with the same distribution, each standing for the same number of elements:
    /// evenly spaced quantiles, the first and last being the minimum and maximum. All values when there are
    /// no more.
    [[nodiscard]] std::vector<float> resampled(int64_t count) const;

 private:
    struct Sums {
        double weight = 0;
        double x = 0;
        double xx = 0;
    };
    /// Element `position` of the population: the first value whose running weight exceeds it.
    [[nodiscard]] float at(double position) const;
    [[nodiscard]] Sums between(int64_t begin, int64_t end) const;
    /// Both add to the products of `split` and return the squared error of the values [begin, end).
    double addLevel(ErrorSplit& split, int64_t begin, int64_t end, double level) const;
    double addRandomCell(ErrorSplit& split, int64_t begin, int64_t end, double low, double high) const;

    std::vector<float> m_values;
    std::vector<Sums> m_prefix;  ///< m_prefix[i]: sums of the first i values
    bool m_exact = true;
};

}  // namespace quantscope
