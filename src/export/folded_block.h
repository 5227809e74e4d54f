// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "methods/interface/activation_transform.h"
#include "model/model.h"

namespace quantscope {

/// What a layer of the block has become, as far as folding goes.
struct FoldedLayer {
    std::optional<ActivationTransform> transform;
    bool inFloat = false;  ///< it stays as it is, and takes whatever its input becomes
};

/// Where the factors of a block's transforms (AWQ, SmoothQuant: x_j / divisor_j before the layer) go in a
/// file that knows no transforms: into whatever makes x. An empty vector = nothing to fold.
struct FoldedBlock {
    /// Norms of the block ("attn_norm") and what their weights are divided by.
    std::vector<std::pair<std::string, std::vector<float>>> norms;
    std::vector<std::vector<float>> rows;  ///< by layer: what its outputs are divided by
    /// By layer: divisors of its input, which a layer left in float takes into its columns.
    std::vector<std::vector<float>> inputs;
};

/// `made`: the block's layers, like `layers`. Unsupported: rotations; layers that read one input and have
/// different divisors; a divisor of attention's output that differs between heads which share their values
/// (grouped queries).
Result<FoldedBlock> foldTransforms(std::span<const LinearInfo> layers, std::span<const InputPointInfo> points,
                                   const ModelConfig& config, std::span<const FoldedLayer> made);

}  // namespace quantscope
