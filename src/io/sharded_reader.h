// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "io/checkpoint_table.h"

namespace quantscope {

/// A `*.safetensors.index.json` with the shards beside it. Only plain file names are followed: a name with a
/// folder, an absolute path, ".." or NUL is Malformed. A shard that is missing or lacks a tensor of the index
/// is named.
Result<std::shared_ptr<const Checkpoint>> openShardedIndex(const std::filesystem::path& index);

/// A Hugging Face folder: config.json with model.safetensors, with model.safetensors.index.json, or else with
/// all
/// *.safetensors of the folder. The metadata holds config.json's text under "config.json".
Result<std::shared_ptr<const Checkpoint>> openModelFolder(const std::filesystem::path& folder);

}  // namespace quantscope
