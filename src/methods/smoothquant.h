// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// SmoothQuant (Xiao et al., ICML 2023): moves the activations' outliers into the weights,
/// s_j = max|X_j|^alpha / max|W_j|^(1-alpha), X <- X diag(s)^-1, W <- W diag(s), and rounds both to nearest.
/// max|W_j| over all readers of the input, so that s folds into the norm before it. "search" takes the alpha
/// (0, 0.05 .. 1) with the least error of the quantized product on the calibration's sample of rows.
class SmoothQuant : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

/// s of the formula; 1 where a channel of X or W is all 0.
std::vector<float> smoothingScale(const std::vector<float>& inputAbsMax,
                                  const std::vector<float>& weightAbsMax, double alpha);

}  // namespace quantscope
