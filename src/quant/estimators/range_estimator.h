// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "quant/passes/reference.h"
#include "quant/scheme/parameter.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What an estimator takes beside the values, as text forms say it: "percentile=0.1,99.9".
struct EstimatorValue {
    std::string form;     ///< "LOW,HIGH"; empty: the estimator takes nothing, its name alone is its text form
    std::string example;  ///< "0.1,99.9", for messages
    std::string keepKey;  ///< what keeps the value in a text form while another estimator is active
    std::string (*text)(const Scheme& scheme) = nullptr;
    bool (*set)(Scheme& scheme, std::string_view text) = nullptr;  ///< false: no such value
};

/// One line of the estimator table: how a range is chosen from the values of a group.
struct RangeEstimatorInfo {
    RangeEstimator estimator;
    std::string name;   ///< as in text forms: "minmax"
    std::string label;  ///< as on screen: "Min-max"
    std::string help;   ///< formula and source
    /// `block`: the values of one group, never empty, all finite.
    Range (*estimate)(const MatrixView& block, const Scheme& scheme);
    EstimatorValue value = {};
};

/// All estimators, in the order of the enum.
std::span<const RangeEstimatorInfo> rangeEstimators();
const RangeEstimatorInfo& infoOf(RangeEstimator estimator);

/// The range the scheme's estimator chooses for one group, as data (before rangeIncludesZero and the
/// symmetric absmax, which paramsFromRange applies). InvalidArgument for NaN, infinity or an invalid scheme;
/// an empty block has the range [0, 0].
Result<Range> estimateRange(const MatrixView& block, const Scheme& scheme);
/// A flat run of values counts as one row (MovingAverage then equals MinMax).
Result<Range> estimateRange(std::span<const float> values, const Scheme& scheme);

}  // namespace quantscope
