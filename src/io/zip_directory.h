// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace quantscope {

/// A member of a zip archive. `data` are its stored or deflated bytes.
struct ZipMember {
    std::string name;
    bool deflated = false;
    uint64_t uncompressedBytes = 0;
    uint64_t dataOffset = 0;  ///< of `data` in the file
    std::span<const std::byte> data;
};

/// The members of a zip archive (also Zip64), from its central directory. Unsupported: encryption, methods
/// other than stored and deflate, archives in parts. Malformed: positions outside the file, members that
/// overlap, sizes that deflate cannot reach (more than 1,032 times the compressed size). Source: PKWARE
/// APPNOTE 6.3.
Result<std::vector<ZipMember>> readZipDirectory(std::span<const std::byte> file);

/// The first `count` uncompressed bytes of a member (at most its uncompressedBytes); for a stored member a
/// copy.
Result<std::vector<std::byte>> readZipMember(const ZipMember& member, uint64_t count);

}  // namespace quantscope
