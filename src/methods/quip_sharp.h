// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// QuIP# (Tseng et al., ICML 2024) without fine-tuning: both sides of the weight are rotated by randomized
/// Hadamard matrices, W' = H_m S_m W S_n H_n^T, which makes it nearly Gaussian and X^T X incoherent; eight
/// inputs at a time are rounded to the E8P codebook, the last ones first, each taking up the error of those
/// done (block LDLQ): w_k + (W - W^)_{>k} L_{>k,k} with X^T X = L D L^T; then `tune` rounds of coordinate
/// descent. 2 bits a weight; 4 bits by a second codebook for what is left, scaled by 3.45.
/// Needs a multiple of 8 inputs. Stored: indices, one bit a sign, one scale.
class QuipSharp : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

}  // namespace quantscope
