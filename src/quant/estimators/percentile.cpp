// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/percentile.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/block_pass.h"

namespace quantscope {
namespace {

/// Reorders `values`.
double percentileOf(std::vector<float>& values, double percent) {
    const double position = percent / 100 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(position);
    const double fraction = position - static_cast<double>(below);
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(below);
    std::nth_element(values.begin(), nth, values.end());
    const double a = *nth;
    if (fraction == 0) return a;
    const double b = *std::min_element(nth + 1, values.end());
    // NumPy interpolates from the nearer end.
    return fraction < 0.5 ? a + (b - a) * fraction : b - (b - a) * (1 - fraction);
}

}  // namespace

Range percentileRange(const MatrixView& block, const Scheme& scheme) {
    std::vector<float> values = blockValues(block);
    const double low = percentileOf(values, scheme.percentileLow);
    const double high = percentileOf(values, scheme.percentileHigh);
    return {static_cast<float>(low), static_cast<float>(high), false};
}

}  // namespace quantscope
