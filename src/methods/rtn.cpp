// SPDX-License-Identifier: Apache-2.0
#include "methods/rtn.h"

namespace quantscope {

const MethodInfo& RoundToNearest::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "rtn";
        info.label = "Round to nearest";
        info.source = "Jacobs et al. 2018; Krishnamoorthi 2018";
        info.help =
            "q = clamp(round(W / S) + Z), every weight by itself; S and Z from the range of its group. With "
            "the range 'mse' the limits are those of least squared error.";
        info.runsOnIntegerKernels = true;
        info.minimumBits = 4;
        return info;
    }();
    return kInfo;
}

Result<LayerResult> RoundToNearest::quantize(const LayerInput& input, const Recipe& recipe,
                                             const Job& job) const {
    Result<QuantizedTensor> weight = quantscope::quantize(input.weight, recipe.scheme, job);
    if (!weight) {
        Error error = weight.error();
        if (!input.name.empty()) error.field = input.name + (error.field.empty() ? "" : " " + error.field);
        return fail(std::move(error));
    }
    return codedResult(std::move(*weight));
}

}  // namespace quantscope
