// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// LLM.int8() (Dettmers et al. 2022): C = sum_{h in O} X_h W_h (float) + rescaled sum_{h not in O} (int8), O
/// the input channels with |x| >= 6 in the matrix at hand. Weights: q = round(w (127 / absmax of the row)) as
/// in bitsandbytes; the products of outlier channels use the dequantized codes, too. The activations' part is
/// the variant's "@act=int8/token @outliers=6", which comes with the method.
class LlmInt8 : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
};

}  // namespace quantscope
