// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "io/checkpoint_table.h"

namespace quantscope {

/// A tensor to be written: the description goes into the header first, `load` makes the data when its turn
/// comes, so that a file of any size is written with one tensor in memory.
using OutputTensor = StoredTensor;

/// A tensor that is already there.
OutputTensor outputTensor(std::string name, const Tensor& tensor);

/// A tensor of another checkpoint, read when its turn comes. `source` is kept alive.
OutputTensor outputTensor(std::shared_ptr<const Checkpoint> source, const TensorEntry& entry);

/// Makes the data and appends it; Internal if it is not what the description promised.
Status writeData(AtomicFile& file, const OutputTensor& tensor);

}  // namespace quantscope
