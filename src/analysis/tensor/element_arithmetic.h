// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/tensor/matrix_quantization.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Every number of one element's way through the quantizer: what the hover shows. Of a stored weight
/// (StoredWeight) r, r^ and error, and where it has codes group, q, its limits and `clipped`.
struct ElementArithmetic {
    int64_t row = 0;
    int64_t col = 0;
    bool isFloat = false;  ///< the reference: only r is meaningful
    float r = 0;
    int64_t group = 0;
    GroupParams params;  ///< S and Z (or the minimum m)
    int32_t codeMin = 0;
    int32_t codeMax = 0;
    float t = 0;        ///< r / S, or (r - m) / S
    float rounded = 0;  ///< before clamping, Z included (not in the Minimum domain)
    int32_t q = 0;
    bool clipped = false;         ///< r lies outside [r^(codeMin), r^(codeMax)]
    bool chosenByMethod = false;  ///< q is not what rounding gives: a method chose it
    float rHat = 0;
    float error = 0;                  ///< r - r^
    std::optional<float> lowerLevel;  ///< next representable value below r^, none at the end of the grid
    std::optional<float> upperLevel;
};

ElementArithmetic elementAt(const MatrixView& matrix, const MatrixQuantization& quantization, int64_t row,
                            int64_t col);

/// "[17, 42] 0.0674 / 0.0234 = 2.88 → q 3 → 0.0702, error -0.0028", with Z and clipping where they matter.
std::string sentence(const ElementArithmetic& element, const MatrixQuantization& quantization);

}  // namespace quantscope
