// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/recipe_needs.h"

#include "methods/registry.h"

namespace quantscope {

double recipeBitsPerWeight(const Recipe& recipe, int64_t rows, int64_t cols) {
    if (recipe.scheme.isFloat()) return 32;
    const auto method = methodNamed(recipe.method);
    if (!method || rows * cols == 0) return bitsPerWeight(recipe.scheme, rows, cols);
    return 8 * (*method)->storedBytes(recipe, rows, cols) / static_cast<double>(rows * cols);
}

CalibrationNeed calibrationNeed(const Recipe& recipe) {
    if (recipe.scheme.isFloat()) return CalibrationNeed::None;
    const auto method = methodNamed(recipe.method);
    return method ? (*method)->needs(recipe) : CalibrationNeed::None;
}

}  // namespace quantscope
