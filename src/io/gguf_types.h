// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensor/dtype.h"

namespace quantscope {

/// Value types of GGUF metadata (ggml docs/gguf.md).
enum class GgufValueType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

/// Bytes of a value of fixed size; 0 for strings, arrays and unknown types.
uint64_t ggufValueBytes(GgufValueType type);

/// A tensor type of ggml: its number in files, and the size of its blocks. Those without `dtype` can be
/// listed but not loaded.
struct GgmlType {
    uint32_t id;
    std::string_view name;
    uint64_t blockElements;
    uint64_t blockBytes;
    std::optional<DType> dtype;
};

/// Null for numbers this program does not know.
const GgmlType* ggmlType(uint32_t id);
/// Null for dtypes GGUF cannot hold (unsigned integers, bool, 8-bit floats).
const GgmlType* ggmlType(DType dtype);

}  // namespace quantscope
