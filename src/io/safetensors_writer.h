// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/job.h"
#include "io/output_tensor.h"

namespace quantscope {

/// Writes a safetensors file, atomically. The data is ordered by element size, largest first, so that every
/// tensor is aligned and the format's rule of no gaps holds. InvalidArgument: names that are unclean or
/// appear twice; Unsupported: GGUF block types, which the format lacks.
Status writeSafetensors(const std::filesystem::path& target, const std::vector<OutputTensor>& tensors,
                        const std::map<std::string, std::string>& metadata = {}, const Job& job = {});

}  // namespace quantscope
