// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/elementwise_kernels.h"
#include "tensor/histogram.h"

namespace quantscope {

/// A histogram filled by the histogram kernel, which knows no under- and overflow: one more bin at either end
/// receives them. Inner edges move by at most 0.001 bins against tensor/histogram, so that the minimum, the
/// maximum and levels that equal them always count as inside.
class PaddedBins {
 public:
    PaddedBins() = default;
    PaddedBins(float low, float high, int bins);

    [[nodiscard]] bool empty() const { return m_counts.empty(); }
    void add(std::span<const float> values, const ElementwiseKernels& kernels);
    /// `count` elements of one value.
    void add(float value, uint64_t count);
    /// Counters for ElementwiseKernels::measureGroups (none when there are no bins), and what they counted;
    /// take() empties them.
    [[nodiscard]] std::vector<uint32_t> makeCounters() const;
    [[nodiscard]] BinCounters sink(std::vector<uint32_t>& counters) const;
    void take(std::vector<uint32_t>& counters);
    void merge(const PaddedBins& other);
    [[nodiscard]] Histogram histogram() const;

 private:
    float m_low = 0;  ///< of the inner bins
    float m_high = 0;
    float m_outerLow = 0;
    float m_outerHigh = 0;
    float m_scale = 0;  ///< bins per unit, as the kernel computes it
    std::vector<uint64_t> m_counts;
};

}  // namespace quantscope
