// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "methods/interface/activation_transform.h"
#include "model/model.h"

namespace quantscope {

/// Where the factors of a block's transforms (AWQ, SmoothQuant: x_j / divisor_j before the layer) go in a
/// file that knows no transforms: into whatever makes x. Empty = nothing to fold.
struct FoldedBlock {
    std::vector<float> attentionNorm;    ///< [hidden] the norm's weight is divided by these
    std::vector<float> valueRows;        ///< [keyValueHeads headDim] rows of attn_v
    std::vector<float> feedForwardNorm;  ///< [hidden]
    std::vector<float> upRows;           ///< [feedForward] rows of ffn_up: x = silu(gate) up
    /// Divisors of the inputs of the seven layers: a layer left in float takes them into its columns.
    std::array<std::vector<float>, kLinearsPerBlock> inputs;
};

/// `transforms` of the block's seven layers (none where a layer stays in float, `inFloat`). Unsupported:
/// rotations; layers that read one input and have different divisors; an attn_output divisor that differs
/// between heads which share their values (grouped queries).
Result<FoldedBlock> foldTransforms(
    std::span<const LinearInfo> layers, const ModelConfig& config,
    const std::array<std::optional<ActivationTransform>, kLinearsPerBlock>& transforms,
    const std::array<bool, kLinearsPerBlock>& inFloat);

}  // namespace quantscope
