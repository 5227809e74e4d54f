// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// One line of the table of GGUF's block types. Layouts and formulas: block_layouts.h.
struct BlockFormat {
    DType dtype;
    /// `blocks` consecutive blocks to floats, in the calling thread.
    void (*decode)(const std::byte* src, float* dst, int64_t blocks);
    /// Null where there is no encoder. Bit-exact with ggml's reference quantizers; finite input only.
    void (*encode)(const float* src, std::byte* dst, int64_t blocks);
};

std::span<const BlockFormat> blockFormats();
/// Null for element types.
const BlockFormat* blockFormatOf(DType dtype);

/// An F32 tensor to a block type that has an encoder, F16, BF16 or F32 (for exporters). Parallel.
/// Errors: Unsupported without an encoder, InvalidArgument if the last dimension is not a multiple of the
/// block or an element is NaN or infinite (element types take those), cancelled.
Result<Tensor> encodeBlocks(const Tensor& f32, DType dtype, const Job& job = {});

}  // namespace quantscope
