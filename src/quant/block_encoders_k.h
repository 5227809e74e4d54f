// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

struct BlockQ2K;
struct BlockQ3K;
struct BlockQ4K;
struct BlockQ5K;
struct BlockQ6K;
struct BlockIq4Nl;

/// Encoders of GGUF's super-blocks (256 floats in) and of IQ4_NL (32), bit-exact with ggml's: for each run
/// the scale (and minimum) with the least weighted squared error out of a few starting points, each followed
/// by a least-squares fit; then the runs' scales themselves as small integers. `importance` (E[x_j^2] of the
/// inputs, GGUF's importance matrix) weighs the errors; null = ggml's own weights. Finite input only.
void encodeBlock(const float* in, const float* importance, BlockQ2K& block);
void encodeBlock(const float* in, const float* importance, BlockQ3K& block);
void encodeBlock(const float* in, const float* importance, BlockQ4K& block);
void encodeBlock(const float* in, const float* importance, BlockQ5K& block);
void encodeBlock(const float* in, const float* importance, BlockQ6K& block);
void encodeBlock(const float* in, const float* importance, BlockIq4Nl& block);

/// A matrix [rows x cols] to Q2_K .. Q6_K or IQ4_NL; `importance` has cols elements or none. Unsupported for
/// other types, InvalidArgument if the block does not divide the columns or a value is not finite. Parallel.
Result<Tensor> encodeSuperBlocks(const Tensor& f32, DType dtype, std::span<const float> importance,
                                 const Job& job = {});

}  // namespace quantscope
