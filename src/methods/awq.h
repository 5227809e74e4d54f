// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// AWQ (Lin et al., MLSys 2024): input channels that see large inputs are multiplied by s before rounding and
/// their inputs divided by it, s_j = mean|x_j|^alpha normalized to sqrt(max s min s) = 1, alpha from a grid
/// by
/// ||Q(W diag(s)) diag(s)^-1 X - W X||^2, for all readers of the input together. Then each group's range is
/// cut where the same error, taken by group, is least. The errors come from X^T X: all tokens count.
class Awq : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

}  // namespace quantscope
