// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/layer_result.h"

#include <cassert>

namespace quantscope {

Tensor LayerResult::floats() const {
    if (values) return *values;
    assert(weight.has_value());
    return dequantize(*weight);
}

double LayerResult::bitsPerWeight() const {
    const int64_t count = values ? values->size() : elementCount(weight->shape());
    return count == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(count);
}

LayerResult codedResult(QuantizedTensor weight) {
    LayerResult result;
    result.bytes = weight.totalBytes();
    result.weight = std::move(weight);
    return result;
}

}  // namespace quantscope
