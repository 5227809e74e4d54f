// SPDX-License-Identifier: Apache-2.0
#include "tensor/histogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace quantscope {

double Histogram::binWidth() const {
    return counts.empty() ? 0 : (static_cast<double>(high) - static_cast<double>(low)) / bins();
}

double Histogram::binLow(int bin) const {
    return static_cast<double>(low) + bin * binWidth();
}

double Histogram::binCentre(int bin) const {
    return static_cast<double>(low) + (bin + 0.5) * binWidth();
}

uint64_t Histogram::total() const {
    return std::accumulate(counts.begin(), counts.end(), underflow + overflow);
}

uint64_t Histogram::largestCount() const {
    return counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
}

void Histogram::merge(const Histogram& other) {
    if (other.counts.empty()) return;
    if (counts.empty()) {
        *this = other;
        return;
    }
    assert(low == other.low && high == other.high && counts.size() == other.counts.size());
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    underflow += other.underflow;
    overflow += other.overflow;
}

Histogram makeHistogram(float low, float high, int bins) {
    Histogram histogram;
    histogram.low = low;
    histogram.high = high;
    if (!(low < high)) {
        const float half = std::max(std::abs(low) * 0.5F, 0.5F);
        histogram.low = low - half;
        histogram.high = low + half;
    }
    // The width must be a finite float for the bin formula.
    constexpr float kLimit = std::numeric_limits<float>::max() / 4;
    histogram.low = std::max(histogram.low, -kLimit);
    histogram.high = std::min(histogram.high, kLimit);
    histogram.counts.assign(static_cast<size_t>(std::max(1, bins)), 0);
    return histogram;
}

void addTo(Histogram& histogram, std::span<const float> values) {
    const float low = histogram.low;
    const float high = histogram.high;
    const int bins = histogram.bins();
    const float scale = static_cast<float>(bins) / (high - low);
    uint64_t* const counts = histogram.counts.data();
    for (const float value : values) {
        if (value < low)
            ++histogram.underflow;
        else if (value > high)
            ++histogram.overflow;
        else if (value == value)
            ++counts[std::min(bins - 1, static_cast<int>((value - low) * scale))];
    }
}

}  // namespace quantscope
