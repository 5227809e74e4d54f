// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/variant.h"
#include "quant/quantized_tensor.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Both sides of a product as one method multiplies them. A method that changes the basis of the inputs
/// (SmoothQuant, AWQ, a rotation, GPTQ's act order) changes both, so that X W^T stays what it was.
struct ProductSides {
    Tensor x;                                      ///< [tokens x inputs]
    Tensor w;                                      ///< [output channels x inputs]
    std::shared_ptr<const QuantizedTensor> codes;  ///< of w; null: round to nearest by the scheme
};

/// A method that needs calibration sees the first `calibrationRows` rows of X. Unsupported for methods whose
/// codes no integer product takes; else as quantizeLayer().
Result<ProductSides> productSides(const Tensor& x, const Tensor& w, const Recipe& recipe,
                                  int64_t calibrationRows, const Job& job);

}  // namespace quantscope
