// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// Rotation by a randomized Hadamard matrix (QuaRot, Ashkboos et al., NeurIPS 2024; QuIP#): x <- H D x,
/// W <- W D H^T with random signs D. Function-preserving; outliers spread over all channels, so that both
/// round better. Here each input is rotated where it is read; QuaRot folds most rotations into the weights
/// of the layer before. Weights are rounded to nearest in the new basis.
class HadamardRotation : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

}  // namespace quantscope
