// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "methods/interface/layer_result.h"

namespace quantscope {

/// Floats that are all written before they are read: zeros first would cost a fast method as much as its
/// work.
using FloatBuffer = std::shared_ptr<float[]>;
inline FloatBuffer floatBuffer(int64_t count) {
    return std::make_shared_for_overwrite<float[]>(static_cast<size_t>(count));
}

/// A result without codes on an integer grid: its float values and what it takes to store them.
inline LayerResult valuesResult(const Shape& shape, std::vector<float> values, double bytes) {
    LayerResult result;
    result.values = Tensor::fromFloats(shape, std::move(values));
    result.bytes = static_cast<uint64_t>(std::llround(bytes));
    return result;
}
inline LayerResult valuesResult(const Shape& shape, FloatBuffer values, double bytes) {
    LayerResult result;
    const auto floats =
        std::as_bytes(std::span<const float>(values.get(), static_cast<size_t>(elementCount(shape))));
    result.values = Tensor::create(DType::F32, shape, Storage(std::move(values), floats)).value();
    result.bytes = static_cast<uint64_t>(std::llround(bytes));
    return result;
}

}  // namespace quantscope
