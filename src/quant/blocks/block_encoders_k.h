// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/job.h"
#include "base/result.h"
#include "numerics/instruction_sets.h"
#include "tensor/tensor.h"

namespace quantscope {

/// GGUF's super-blocks Q2_K .. Q6_K and IQ4_NL, and by importance Q5_0 and Q5_1, bit-exact with ggml's: for
/// each run the scale (and minimum) with the least weighted squared error out of a few starting points, each
/// followed by a least-squares fit; then the runs' scales themselves as small integers. `importance`
/// (E[x_j^2] of the inputs, GGUF's importance matrix; cols elements or none) weighs the errors; none = ggml's
/// own weights. The same bytes with every instruction set. Unsupported for other types (Q5_0 and Q5_1 without
/// importance among them: encodeBlocks()), InvalidArgument if the block does not divide the columns or a
/// value is not finite. Parallel.
Result<Tensor> encodeSuperBlocks(const Tensor& f32, DType dtype, std::span<const float> importance,
                                 const Job& job = {}, InstructionSet set = bestInstructionSet());

}  // namespace quantscope
