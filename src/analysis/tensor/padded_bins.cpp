// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/padded_bins.h"

#include <algorithm>
#include <utility>

namespace quantscope {

namespace {

/// The outer bins begin this part of a bin beyond the edges, so that a value exactly on an edge (the minimum,
/// the maximum, the last level of a grid) is inside in spite of float rounding, which reaches 1.3e-4 bins of
/// 2,048.
constexpr float kEdgeSlack = 1e-3F;

}  // namespace

PaddedBins::PaddedBins(float low, float high, int bins) : m_low(low), m_high(high) {
    const float width = (high - low) / static_cast<float>(bins);
    m_outerLow = low - width * (1 + kEdgeSlack);
    m_outerHigh = high + width * (1 + kEdgeSlack);
    m_counts.assign(static_cast<size_t>(bins) + 2, 0);
    m_scale = static_cast<float>(m_counts.size()) / (m_outerHigh - m_outerLow);
}

void PaddedBins::add(std::span<const float> values, const ElementwiseKernels& kernels) {
    kernels.histogram(values.data(), static_cast<int64_t>(values.size()), m_outerLow, m_outerHigh,
                      static_cast<int>(m_counts.size()), m_counts.data());
}

void PaddedBins::add(float value, uint64_t count) {
    const auto last = static_cast<float>(m_counts.size() - 1);
    const float bin = std::clamp((value - m_outerLow) * m_scale, 0.0F, last);
    m_counts[static_cast<size_t>(bin)] += count;
}

std::vector<uint32_t> PaddedBins::makeCounters() const {
    return std::vector<uint32_t>(empty() ? 0 : Counters::kSets * (m_counts.size() + 1));
}

BinCounters PaddedBins::sink(std::vector<uint32_t>& counters) const {
    if (empty()) return {};
    const auto bins = static_cast<int>(m_counts.size());
    return {{counters.data(), bins + 1}, m_outerLow, m_scale, bins};
}

void PaddedBins::take(std::vector<uint32_t>& counters) {
    if (empty()) return;
    for (size_t i = 0; i < counters.size(); ++i) {
        const uint32_t count = std::exchange(counters[i], 0);
        const size_t bin = i % (m_counts.size() + 1);
        if (bin < m_counts.size()) m_counts[bin] += count;
    }
}

void PaddedBins::merge(const PaddedBins& other) {
    if (other.empty()) return;
    if (empty()) {
        *this = other;
        return;
    }
    for (size_t i = 0; i < m_counts.size(); ++i) m_counts[i] += other.m_counts[i];
}

Histogram PaddedBins::histogram() const {
    Histogram histogram = makeHistogram(m_low, m_high, static_cast<int>(m_counts.size()) - 2);
    histogram.low = m_low;
    histogram.high = m_high;
    histogram.counts.assign(m_counts.begin() + 1, m_counts.end() - 1);
    histogram.underflow = m_counts.front();
    histogram.overflow = m_counts.back();
    return histogram;
}

}  // namespace quantscope
