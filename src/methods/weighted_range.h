// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// Round to nearest with the range that matters to the outputs: for each group the limits of least
/// sum_j E[x_j^2] (w_j - w^_j)^2, the output error that uncorrelated inputs would give. An importance matrix
/// of llama.cpp holds all it needs. The search is over shrink ratios of both ends of the min-max range, first
/// together, then one at a time with halved steps, so a result is never worse by that measure than min-max.
/// Channels that saw no input weigh nothing; a group of such channels alone keeps its min-max range.
class WeightedRange : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
};

}  // namespace quantscope
