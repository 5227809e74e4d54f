// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// FP8 weights: r = S cast(w / S) with S = absmax / largest (448 for E4M3, 57344 for E5M2), one scale a
/// tensor, output channel or 128 x 128 block, F32. Bit-exact with torch's float8 casts.
class Fp8 : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                           const LayerResult& result) const override;
};

}  // namespace quantscope
