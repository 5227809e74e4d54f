// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A whole file mapped for reading. Pages are read when touched, so that a 100 GB file opens at once.
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
    static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const { return m_bytes; }
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    /// A part that keeps the mapping alive; offset + count must lie inside (asserted: parsers check first).
    [[nodiscard]] Storage part(uint64_t offset, uint64_t count) const;
    /// CannotRead if somebody has cut the file short since it was opened: touching a page beyond its end
    /// would end the program. A file that was deleted or replaced by another one stays readable.
    [[nodiscard]] Status checkWhole() const;

 private:
    MappedFile() = default;
    std::filesystem::path m_path;
    std::span<const std::byte> m_bytes;
    uint64_t m_device = 0;
    uint64_t m_inode = 0;
};

}  // namespace quantscope
