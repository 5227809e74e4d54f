// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// GPTQ (Frantar et al., ICLR 2023): columns are rounded one after the other, and the columns that are left
/// take up each one's error so that ||X W^T - X W^^T||^2 stays least:
/// e = (w_j - w^_j) / U_jj, w_k -= e U_jk for k > j, where (X^T X + damping)^-1 = U^T U, U upper triangular.
/// Fallbacks, in the notes: an input channel that was always 0 gets weight 0; damping is raised by 0.01 of
/// the mean diagonal until the factorization succeeds.
class Gptq : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

}  // namespace quantscope
