// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/method.h"
#include "tensor/dtype.h"

namespace quantscope {

/// The block type that a method of this name writes ("q4_k": Q4_K); nothing for other methods.
std::optional<DType> ggufTypeNamed(const std::string& method);

/// The type llama-quantize takes for a matrix of this width: what 256 does not divide falls back, Q2_K and
/// Q3_K to IQ4_NL, Q4_K to Q5_0, Q5_K to Q5_1, Q6_K to Q8_0, which knows no importance.
DType ggufTypeFor(DType wanted, int64_t cols);

/// The weight in blocks of `wanted`, or of the type its width falls back to; "imatrix" of the recipe has
/// errors count by the mean squares of the inputs.
Result<Tensor> encodeGgufBlocks(const LayerInput& input, const Recipe& recipe, DType wanted, const Job& job);

}  // namespace quantscope
