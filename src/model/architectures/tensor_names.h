// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/architectures/architecture.h"
#include "model/model.h"

namespace quantscope {

/// How a file names its tensors.
enum class NameStyle { Gguf, HuggingFace };

/// Canonical name of a weight of a block: "blk.3.ffn_down".
std::string blockWeightName(int64_t block, std::string_view name);

/// Name in the file of a canonical weight: "blk.3.ffn_down" is "blk.3.ffn_down.weight" in GGUF and
/// "model.layers.3.mlp.down_proj.weight" in a Llama checkpoint of Hugging Face. Biases have ".bias" in the
/// canonical name, too: "blk.3.attn_q.bias". Unknown names only get ".weight".
std::string fileTensorName(const Architecture& family, std::string_view canonical, NameStyle style);

/// Canonical name of a layer's bias.
std::string biasNameOf(const LinearInfo& layer);

/// The linear layers of one block, in running order; those outside the blocks for -1: the head. What only a
/// file can tell (its names, its types) is left empty, but for `biasName`, which is the canonical one where
/// the layer has a bias.
std::vector<LinearInfo> describedLinears(const Architecture& family, const ModelConfig& config,
                                         int64_t block);

}  // namespace quantscope
