// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What an npy file says before its data.
struct NpyHeader {
    std::string descr;           ///< NumPy's type text, "<f4"
    std::optional<DType> dtype;  ///< nothing for types this program does not read
    bool fortranOrder = false;
    Shape shape;
    uint64_t dataOffset = 0;
};

/// Longest header accepted, with the magic bytes; NumPy writes 128.
constexpr uint64_t kMaxNpyHeaderBytes = 65536;

constexpr size_t kMaxNpyDims = 64;  // NumPy's own limit

/// Reads the header from the first bytes of a file (versions 1 to 3). Malformed names what is wrong;
/// big-endian, complex, text and structured types give a header without dtype.
/// Source: numpy/lib/format.py.
Result<NpyHeader> parseNpyHeader(std::span<const std::byte> bytes);

/// NumPy's text for a dtype, empty where NumPy has none.
std::string_view npyDescr(DType dtype);

}  // namespace quantscope
