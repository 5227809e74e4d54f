// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "methods/layer_result.h"

namespace quantscope {

/// A result without codes on an integer grid: its float values and what it takes to store them.
inline LayerResult valuesResult(const Shape& shape, std::vector<float> values, double bytes) {
    LayerResult result;
    result.values = Tensor::fromFloats(shape, std::move(values));
    result.bytes = static_cast<uint64_t>(std::llround(bytes));
    return result;
}

}  // namespace quantscope
