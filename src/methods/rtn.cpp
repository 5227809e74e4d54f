// SPDX-License-Identifier: Apache-2.0
#include "methods/rtn.h"

namespace quantscope {

const MethodInfo& RoundToNearest::info() const {
    static const MethodInfo kInfo{
        "rtn",
        "Round to nearest",
        "Jacobs et al. 2018; Krishnamoorthi 2018",
        "q = clamp(round(W / S) + Z), every weight by itself; S and Z from the range of "
        "its group.",
        false,
        false,
        false,
        {}};
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
    return LayerResult{std::move(*weight)};
}

}  // namespace quantscope
