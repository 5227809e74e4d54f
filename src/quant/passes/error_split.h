// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace quantscope {

/// Squared error of a quantization, split exactly: elements outside the representable range [r^(codeMin),
/// r^(codeMax)] are clipped, all others are rounded. Sums in double; mergeable, so chunks, threads and groups
/// add up.
struct ErrorSplit {
    int64_t count = 0;
    int64_t clippedCount = 0;
    double clippingSse = 0;  ///< sum of (r - r^)^2 over clipped elements
    double roundingSse = 0;  ///< the same over the others
    float maxAbs = 0;        ///< max |r - r^|
    double signalSse = 0;    ///< sum of r^2
    double dotProduct = 0;   ///< sum of r r^
    double outputSse = 0;    ///< sum of r^^2

    void merge(const ErrorSplit& other) {
        count += other.count;
        clippedCount += other.clippedCount;
        clippingSse += other.clippingSse;
        roundingSse += other.roundingSse;
        maxAbs = std::max(maxAbs, other.maxAbs);
        signalSse += other.signalSse;
        dotProduct += other.dotProduct;
        outputSse += other.outputSse;
    }
    [[nodiscard]] double totalSse() const { return clippingSse + roundingSse; }
    bool operator==(const ErrorSplit&) const = default;
};

}  // namespace quantscope
