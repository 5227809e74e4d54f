// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/model.h"

namespace quantscope {

/// How a file names its tensors.
enum class NameStyle { Gguf, HuggingFace };

/// Canonical name of a linear layer: "blk.3.ffn_down", "output".
std::string linearName(int64_t block, LinearKind kind);

/// Name in the file of a canonical weight: "blk.3.ffn_down" is "blk.3.ffn_down.weight" in GGUF and
/// "model.layers.3.mlp.down_proj.weight" in a Hugging Face checkpoint. Unknown names only get ".weight".
std::string fileTensorName(std::string_view canonical, NameStyle style);

}  // namespace quantscope
