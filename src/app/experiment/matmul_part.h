// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "app/experiment/experiment.h"

namespace quantscope {

/// What the Matmul lab multiplies: Y = X W^T, X [tokens x inputs], W [output channels x inputs].
struct MatmulSource {
    MatrixSource x;
    MatrixSource w;
    bool inputsByOutputs = false;  ///< W is stored as the lectures write it, [inputs x output channels]
    bool operator==(const MatmulSource&) const = default;
};

/// The product, under which recipes, and how it ends.
struct MatmulPart {
    static constexpr const char* kLab = "matmul";
    MatmulSource source;
    std::vector<Variant> products;  ///< the lab's variants
    bool relu = false;              ///< fused into the integer output stage
    bool operator==(const MatmulPart&) const = default;
};

/// Where a person looks in it.
struct MatmulView {
    static constexpr const char* kLab = "matmul";
    int variant = 1;  ///< index of the product the lab steps through
    int64_t row = 0;  ///< the output cell: token and output channel
    int64_t channel = 0;
    int64_t step = 0;     ///< k
    int measurement = 0;  ///< > 0: times every kernel and the parts of the product; another number, again
    bool operator==(const MatmulView&) const = default;
};

/// Float reference, vector-wise int8, per-tensor affine, LLM.int8() with threshold 6.
std::vector<Variant> defaultProducts();

}  // namespace quantscope
