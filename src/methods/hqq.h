// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/method.h"

namespace quantscope {

/// HQQ (Badri and Shaji 2023): the zero point of every group is moved so that the error's lp norm (p < 1)
/// shrinks, by half-quadratic splitting, without data:
/// W_e = shrink(W - W_r), z = mean(q - (W - W_e) / S), beta <- kappa beta, until the mean |error| grows.
/// The scale stays that of min and max. Groups run along the inputs (the peer's axis 1).
class Hqq : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
};

}  // namespace quantscope
