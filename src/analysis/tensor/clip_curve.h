// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/tensor/sorted_values.h"
#include "base/job.h"
#include "base/result.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// Error when the range is `ratio` times the full one. Symmetric: [-limit, limit]; affine: [ratio min, ratio
/// max].
struct ClipPoint {
    double ratio = 1;  ///< clip limit / absmax
    double limit = 0;  ///< clip limit: ratio * absmax
    double clippingMse = 0;
    double roundingMse = 0;
    double clippedShare = 0;
    [[nodiscard]] double totalMse() const { return clippingMse + roundingMse; }
    bool operator==(const ClipPoint&) const = default;
};

/// What one range estimator chooses, on the curve.
struct ClipMark {
    RangeEstimator estimator = RangeEstimator::MinMax;
    std::string label;  ///< "min-max", "99.99 %", "MSE", "KL"
    double low = 0;     ///< the range it chose
    double high = 0;
    bool current = false;  ///< the scheme's own estimator
    ClipPoint point;       ///< error at exactly that range (for asymmetric ranges not exactly on the curve)
};

/// Clipping and rounding error against the clip limit, for one scheme applied per tensor: raising the limit
/// trades one for the other. Exact over the sorted values (sample or all, see `exact`).
struct ClipCurve {
    Scheme scheme;  ///< per tensor, whatever the variant's granularity
    double absMax = 0;
    std::vector<ClipPoint> points;  ///< increasing ratio, log-spaced, the last one 1
    std::vector<ClipMark> marks;    ///< increasing ratio
    ClipPoint best;                 ///< smallest total of the points
    bool exact = true;
};

struct ClipCurveOptions {
    int points = 96;  ///< 2..512
    double smallestRatio = 0.005;
    bool operator==(const ClipCurveOptions&) const = default;
};

/// Empty curve for the float scheme and for tensors without a finite non-zero value. Errors: Cancelled,
/// invalid scheme.
Result<ClipCurve> clipCurve(const SortedValues& values, const Scheme& scheme, const ClipCurveOptions& options,
                            const Job& job);

/// The scheme whose curve serves `scheme`, too: what has no influence on a per-tensor curve is at its
/// default.
Scheme clipCurveScheme(const Scheme& scheme);

/// A curve of clipCurveScheme(scheme) with the mark of the scheme's own range as the current one; a manual
/// range gets a mark of its own. Costs one point.
ClipCurve withMarkOf(const ClipCurve& curve, const SortedValues& values, const Scheme& scheme);

}  // namespace quantscope
