// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/method.h"

#include "quant/quantized_tensor.h"

namespace quantscope {

double Method::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    return bitsPerWeight(recipe.scheme, rows, cols) * static_cast<double>(rows) * static_cast<double>(cols) /
           8;
}

}  // namespace quantscope
