// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Count, extremes and central moments of a set of floats, in one pass. Only finite numbers enter the
/// extremes and the moments; NaN and infinities are counted. m2..m4 are sums of (x - mean)^k in double;
/// merging two sets is exact algebra (Pébay, SAND2008-6212, equations 1.1, 1.2 and 3.1).
struct Moments {
    int64_t count = 0;  ///< finite numbers
    int64_t nanCount = 0;
    int64_t infCount = 0;
    int64_t zeroCount = 0;
    float minimum = 0;  ///< of the finite numbers; 0 when there is none
    float maximum = 0;
    double mean = 0;
    double m2 = 0;
    double m3 = 0;
    double m4 = 0;

    void merge(const Moments& other);
    [[nodiscard]] float absMax() const;
    /// Population variance m2 / n (numpy's default).
    [[nodiscard]] double variance() const;
    [[nodiscard]] double standardDeviation() const;
    /// (m3 / n) / variance^1.5; 0 for constant data.
    [[nodiscard]] double skewness() const;
    /// Pearson: (m4 / n) / variance^2; a normal distribution has 3, Laplace 6; 0 for constant data.
    [[nodiscard]] double kurtosis() const;
    bool operator==(const Moments&) const = default;
};

/// Moments of consecutive floats, on the calling thread.
Moments momentsOf(std::span<const float> values);

/// Moments of a matrix, in parallel; the same bits for any number of threads. Error: Cancelled.
Result<Moments> momentsOf(const MatrixView& matrix, const Job& job);

}  // namespace quantscope
