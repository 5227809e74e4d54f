// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// AdaRound (Nagel et al., ICML 2020): each weight learns whether to go down or up,
/// W~ = S (clamp(floor(W / S + Z) + h(V)) - Z), h(V) = clamp(1.2 sigmoid(V) - 0.1, 0, 1), by Adam on
/// ||(W - W~) X||^2 + lambda sum (1 - |2 h - 1|^beta); beta falls from 20 to 2 along a cosine, the second
/// term starts after a fifth of the steps. The first term is taken from X^T X (all tokens at once) and
/// divided by the error of rounding to nearest and multiplied by the number of weights, so that lambda means
/// the same for every layer. Afterwards single weights are turned round while that lowers the first term (a
/// greedy descent, not in the paper: turns=false leaves it out). The result is never worse than rounding to
/// nearest: then that is taken, and a note says so. Budget: some 4 s of processor time a million weights and
/// a hundred steps.
class AdaRound : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
};

}  // namespace quantscope
