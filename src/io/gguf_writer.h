// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "base/job.h"
#include "io/output_tensor.h"

namespace quantscope {

/// Writes a GGUF v3 file, atomically. Integers of the metadata become 32-bit values where they fit and
/// doubles 32-bit floats, as llama.cpp expects; "general.alignment" sets the alignment (default 32).
/// InvalidArgument: unclean or repeated names, more than four dimensions; Unsupported: dtypes that GGUF
/// lacks.
Status writeGguf(const std::filesystem::path& target, const std::vector<OutputTensor>& tensors,
                 const Metadata& metadata, const Job& job = {});

/// Writes a copy of an open GGUF file in which some tensors are replaced (same name and shape, another
/// dtype). Metadata keep their bytes and types, except for the keys in `overrides`; tensors keep their order;
/// those that are not replaced keep their bytes, also of types this program cannot decode. Update
/// "general.file_type" through `overrides`. InvalidArgument: `source` is not GGUF, or a replacement has no
/// counterpart of the same shape.
Status rewriteGguf(const std::filesystem::path& target, const Checkpoint& source,
                   const std::vector<OutputTensor>& replacements, const Metadata& overrides = {},
                   const Job& job = {});

}  // namespace quantscope
