// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "model/model.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Where a tap looks: the matrix that enters a linear layer [tokens x in], or what leaves it [tokens x out].
enum class TapPoint { Input, Output };

/// Called at every linear layer; the view is valid during the call only. The query, key and value layers of a
/// block see the same input, gate and up as well; each gets its own call.
using Tap = std::function<void(const LinearInfo& layer, TapPoint point, const MatrixView& values)>;

/// The float forward pass of a window of tokens, as the model's architecture describes it: norms, rotary
/// grouped-query attention, gated feed-forward, tied or own head. Layer by layer, so that one layer's weights
/// are in memory at a time. The blocks' layers are tapped; the head too when logits are asked for.
class ForwardPass {
 public:
    ForwardPass(const Model& model, const KernelTable& kernels) : m_model(model), m_kernels(kernels) {}

    /// Logits [tokens x vocabulary] of all positions from `firstPosition` on. InvalidArgument: no tokens, ids
    /// outside the vocabulary. Cancelled within one layer.
    [[nodiscard]] Result<Tensor> logits(std::span<const int32_t> tokens, const Job& job = {},
                                        const Tap& tap = {}, int64_t firstPosition = 0) const;
    /// The blocks only: what a capture needs. `windows` of `tokens` of `window` tokens each go through a
    /// layer before the next layer is mapped; taps see one window at a time.
    [[nodiscard]] Status run(std::span<const int32_t> tokens, int64_t window, const Job& job,
                             const Tap& tap) const;

 private:
    const Model& m_model;
    const KernelTable& m_kernels;
};

}  // namespace quantscope
