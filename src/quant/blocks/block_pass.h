// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace quantscope {

/// Smallest and largest value of what was added; [0, 0] before the first.
struct BlockExtremes {
    float low = 0;
    float high = 0;
    bool any = false;

    void add(const float* values, int64_t count);
    void merge(const BlockExtremes& other);
};

/// True if the first element with |value| == magnitude, row by row, is negative.
bool firstExtremeIsNegative(const MatrixView& block, float magnitude);

/// The values of a block, row by row; at most `limit` > 0 of them, taken at equal distances.
std::vector<float> blockValues(const MatrixView& block, int64_t limit = INT64_MAX);

/// Index of the first NaN or infinity, or -1.
int64_t firstNonFinite(const float* values, int64_t count);

}  // namespace quantscope
