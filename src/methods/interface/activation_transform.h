// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace quantscope {

/// A change of basis of a layer's input, the same for all layers that read it; the weights have taken the
/// inverse, so that X W^T is unchanged but for quantization. Steps in this order:
/// x_j <- x_j / divisor_j (AWQ, SmoothQuant); x <- x H D with H an orthonormal Hadamard matrix and D random
/// signs (QuaRot, QuIP#); x_j <- x_permutation[j] (GPTQ's act order).
struct ActivationTransform {
    std::vector<float> divisor;        ///< empty = all 1
    std::vector<float> signs;          ///< +1 or -1 an input channel, empty = no rotation
    std::vector<int32_t> permutation;  ///< empty = running order

    [[nodiscard]] bool changesBasis() const {
        return !divisor.empty() || !signs.empty() || !permutation.empty();
    }
    bool operator==(const ActivationTransform&) const = default;
};

/// The layer's input in the new basis: dst [rows x cols], consecutive.
void applyTransform(const ActivationTransform& transform, const MatrixView& src, float* dst);
/// Back again.
void undoTransform(const ActivationTransform& transform, const MatrixView& src, float* dst);
/// A weight [out x in] in the new basis (columns take the inverse transpose), and back.
void transformWeight(const ActivationTransform& transform, const MatrixView& src, float* dst);
void restoreWeight(const ActivationTransform& transform, const MatrixView& src, float* dst);

}  // namespace quantscope
