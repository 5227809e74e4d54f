// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "export/packed_reader.h"

namespace quantscope {

// Loading of a packed module's tensors, with errors that name them.

/// "MODULE.suffix".
std::string partName(const PackedModule& module, const std::string& suffix);
const TensorEntry* findPart(const Checkpoint& checkpoint, const PackedModule& module,
                            const std::string& suffix);
/// A tensor of the module with this many dimensions (0: any); Malformed otherwise.
Result<Tensor> loadPart(const Checkpoint& checkpoint, const PackedModule& module, const std::string& suffix,
                        size_t dimensions = 2);
/// As floats, whatever float type it is stored in.
Result<Tensor> loadFloats(const Checkpoint& checkpoint, const PackedModule& module,
                          const std::string& suffix);
/// Malformed, at this tensor.
tl::unexpected<Error> malformed(const Checkpoint& checkpoint, const PackedModule& module,
                                const std::string& suffix, std::string what);

// Families, see PackedFamily.
Result<UniformWeight> readWords(const Checkpoint& checkpoint, const PackedModule& module,
                                const WordReading& reading);
Result<UniformWeight> readPackedIntegers(const Checkpoint& checkpoint, const PackedModule& module);
Result<UniformWeight> readByteIntegers(const Checkpoint& checkpoint, const PackedModule& module);
Result<Tensor> readFp8(const Checkpoint& checkpoint, const PackedModule& module);
Result<Tensor> readFp4(const Checkpoint& checkpoint, const PackedModule& module, bool swapped);
Result<Shape> codebookShape(const Checkpoint& checkpoint, const PackedModule& module);
Result<Tensor> readCodebook(const Checkpoint& checkpoint, const PackedModule& module, bool swapped);

}  // namespace quantscope
