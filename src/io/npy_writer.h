// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "tensor/tensor.h"

namespace quantscope {

/// Writes an npy file (version 1.0, C order), atomically. Unsupported: dtypes NumPy lacks (BF16, 8-bit
/// floats, GGUF block types).
Status writeNpy(const std::filesystem::path& target, const Tensor& tensor);

}  // namespace quantscope
