// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace quantscope {

/// A metadata entry as the file holds it: `value` is the value's type number and its bytes, so that a writer
/// can repeat it without changing its type.
struct GgufKeyValue {
    std::string key;
    std::span<const std::byte> value;
};

/// A tensor's line in the directory. `offset` counts from the start of the data section.
struct GgufTensorInfo {
    std::string name;
    Shape shape;  ///< outermost first: the file's order reversed
    uint32_t type = 0;
    uint64_t offset = 0;
};

/// Everything before the data section of a GGUF file.
struct GgufDirectory {
    uint32_t version = 0;
    uint64_t alignment = 32;
    uint64_t dataOffset = 0;  ///< from the start of the file; may equal its size
    std::vector<GgufKeyValue> keyValues;
    Metadata metadata;  ///< keyValues decoded; arrays of arrays are left out
    std::vector<GgufTensorInfo> tensors;
};

/// Reads the directory of a GGUF v2 or v3 file (little endian). Nothing is allocated that the bytes do not
/// justify; tensor positions are not checked here. Unsupported: other versions, big-endian files. Malformed:
/// everything the format forbids, naming the field.
/// Source of the layout: ggml docs/gguf.md.
Result<GgufDirectory> parseGguf(std::span<const std::byte> file);

}  // namespace quantscope
