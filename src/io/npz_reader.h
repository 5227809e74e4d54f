// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "io/checkpoint_table.h"

namespace quantscope {

/// A NumPy archive: one tensor for each member NAME.npy, named NAME. Stored members are mapped, compressed
/// ones are inflated when loaded. A PyTorch archive is Unsupported, and the error says how to convert it.
Result<std::shared_ptr<const Checkpoint>> openNpz(const std::shared_ptr<const MappedFile>& file);

}  // namespace quantscope
