// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/checkpoint_table.h"

namespace quantscope {

/// The tensors of one safetensors file, in the order of their data, with loaders into the mapping.
struct SafetensorsContent {
    std::vector<StoredTensor> tensors;
    Metadata metadata;
};

/// Layout: u64 header length, a JSON object {name: {dtype, shape, data_offsets: [begin, end]}} with optional
/// string metadata under "__metadata__", the data. Types this program lacks are listed, not loaded.
/// Malformed: a header longer than the file or 100 MB, offsets past the end, overlapping, or contradicting
/// dtype and shape. Source: huggingface/safetensors README.
Result<SafetensorsContent> readSafetensors(const std::shared_ptr<const MappedFile>& file);

Result<std::shared_ptr<const Checkpoint>> openSafetensors(const std::shared_ptr<const MappedFile>& file);

}  // namespace quantscope
