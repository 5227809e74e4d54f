// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/method.h"

#include "quant/quantized_tensor.h"

namespace quantscope {

double Method::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    return bitsPerWeight(recipe.scheme, rows, cols) * static_cast<double>(rows) * static_cast<double>(cols) /
           8;
}

CodesAnswer Method::elementCodes(const Tensor&, const Recipe&, const LayerResult& result) const {
    if (!info().noCodes.empty()) return {nullptr, info().noCodes};
    if (!result.weight) return {nullptr, info().label + " keeps no code for each weight"};
    const ActivationTransform basis = result.transform.value_or(ActivationTransform{});
    if (!basis.signs.empty())
        return {nullptr, "the codes are those of the rotated weight: none belongs to a single weight here"};
    return {std::make_shared<const StoredCodes>(uniformCodes(*result.weight, basis)), {}};
}

}  // namespace quantscope
