// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"

namespace quantscope {

/// Writes a file so that readers see the old contents or the new, never a part: everything goes to a
/// temporary file beside the target, which is synced and renamed by commit(). Without commit() the temporary
/// is removed and the old file stays as it was; what a killed process left is removed by the next one that
/// writes into the folder.
class AtomicFile {
 public:
    static Result<AtomicFile> create(const std::filesystem::path& target);

    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&& other) noexcept;
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile();

    /// Appends; an error (a full disk) names the target and leaves it untouched.
    Status write(std::span<const std::byte> bytes);
    Status write(std::string_view text);
    /// Appends zero bytes until the size is a multiple of `alignment` >= 1.
    Status padTo(size_t alignment);
    [[nodiscard]] uint64_t size() const { return m_size; }

    /// Syncs and replaces the target. No further write is allowed.
    Status commit();

 private:
    AtomicFile() = default;
    void discard() noexcept;
    [[nodiscard]] Error systemError(std::string what) const;

    int m_descriptor = -1;
    uint64_t m_size = 0;
    std::filesystem::path m_target;
    std::filesystem::path m_temporary;
};

/// The whole of `text` to `target`, atomically.
Status writeTextFile(const std::filesystem::path& target, std::string_view text);

/// A whole file as text; refuses more than `limitBytes`.
Result<std::string> readTextFile(const std::filesystem::path& path, uint64_t limitBytes);

}  // namespace quantscope
