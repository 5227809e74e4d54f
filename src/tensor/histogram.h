// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quantscope {

/// Counts in equal bins over [low, high]. bin = min(bins - 1, int((x - low) * (bins / (high - low)))) in
/// float, so x == high lies in the last bin; smaller and larger values are counted apart, NaN is skipped.
struct Histogram {
    float low = 0;
    float high = 0;
    std::vector<uint64_t> counts;
    uint64_t underflow = 0;
    uint64_t overflow = 0;

    [[nodiscard]] int bins() const { return static_cast<int>(counts.size()); }
    [[nodiscard]] double binWidth() const;
    [[nodiscard]] double binLow(int bin) const;  ///< left edge
    [[nodiscard]] double binCentre(int bin) const;
    [[nodiscard]] uint64_t total() const;  ///< bins, underflow and overflow
    [[nodiscard]] uint64_t largestCount() const;
    /// Adds the counts of a histogram with the same edges (asserted). An empty one takes over the other.
    void merge(const Histogram& other);
    bool operator==(const Histogram&) const = default;
};

/// Empty bins over [low, high]; low == high is widened to hold that one value.
Histogram makeHistogram(float low, float high, int bins);

/// Adds values, on the calling thread.
void addTo(Histogram& histogram, std::span<const float> values);

}  // namespace quantscope
