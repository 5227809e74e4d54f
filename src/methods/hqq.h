// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// HQQ (Badri and Shaji 2023): the zero point of every group is moved so that the error's lp norm (p < 1)
/// shrinks, by half-quadratic splitting, without data:
/// W_e = shrink(W - W_r), z = mean(q - (W - W_e) / S), beta <- kappa beta, until the mean |error| grows.
/// The scale stays that of min and max. Groups run along the inputs (the peer's axis 1), or take every
/// (out / group)-th output of one input channel (its axis 0, the flat weight cut into `group` rows); those
/// have no codes for integer products.
class Hqq : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;

    [[nodiscard]] std::vector<SchemeRule> schemeRules(const Recipe& recipe) const override;

 private:
    [[nodiscard]] Result<LayerResult> alongInputs(const LayerInput& input, const Recipe& recipe,
                                                  const Job& job) const;
};

}  // namespace quantscope
