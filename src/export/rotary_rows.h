// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/config.h"
#include "model/model.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Rows of attn_q and attn_k between GGUF's order (the two elements that turn together are neighbours, 2i and
/// 2i + 1 of a head) and Hugging Face's (i and i + headDim / 2). `values` is F32 [heads headDim x in],
/// or a bias, [heads headDim].
Tensor toRotaryHalves(const Tensor& values, int64_t headDim);
Tensor toRotaryPairs(const Tensor& values, int64_t headDim);

/// Whether a layer's rows have such an order at all.
bool hasRotaryRows(LayerRole role);

}  // namespace quantscope
