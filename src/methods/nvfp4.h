// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// NVFP4: E2M1 elements, one E4M3 scale for 16 inputs, one F32 scale S_t = absmax / (448 * 6) a tensor:
/// s = e4m3(clamp(absmax_block / 6 / S_t)), r = s S_t e2m1(w (1 / S_t / s)). Bit-exact with torchao.
class Nvfp4 : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                           const LayerResult& result) const override;
};

}  // namespace quantscope
