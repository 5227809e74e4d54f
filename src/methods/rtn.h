// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// Round to nearest: each weight goes to its code by itself, Q(W) = quantize(W, scheme). The baseline of
/// every comparison; needs no data.
class RoundToNearest : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
};

}  // namespace quantscope
