// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// AWQ's argument (Lin et al. 2024, table 1): a small part of the input channels stays in F16, all others are
/// rounded to nearest. Which part decides: by mean |x_j| of the inputs, by the norm of the weights' column,
/// or at random. The scales are those of the whole weight.
class KeepSalient : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CalibrationNeed needs(const Recipe& recipe) const override;
};

}  // namespace quantscope
