// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "io/checkpoint_table.h"
#include "io/npy_header.h"

namespace quantscope {

/// A checkpoint with one tensor named after the file ("weights" for weights.npy). C order is mapped, Fortran
/// order is transposed into memory when loaded.
Result<std::shared_ptr<const Checkpoint>> openNpy(const std::shared_ptr<const MappedFile>& file);

/// The tensor an npy header describes, over data of which `dataBytes` are there; Malformed when they are
/// too few.
Result<TensorEntry> npyEntry(std::string name, const NpyHeader& header, uint64_t dataBytes);

/// Data in Fortran order (first index fastest) rearranged to C order.
Result<Tensor> fromFortranOrder(const TensorEntry& entry, std::span<const std::byte> data);

}  // namespace quantscope
