// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

namespace quantscope {

/// A folder that appears complete or not at all: files are written into a temporary folder beside the target,
/// which commit() renames. Without commit() everything is removed; what a killed process left beside the
/// target is removed by the next one.
class StagedFolder {
 public:
    /// InvalidArgument if the target exists and is not an empty folder.
    static Result<StagedFolder> create(const std::filesystem::path& target);

    StagedFolder(StagedFolder&& other) noexcept;
    StagedFolder& operator=(StagedFolder&&) = delete;
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;
    ~StagedFolder();

    /// Where to write.
    [[nodiscard]] const std::filesystem::path& path() const { return m_staging; }
    Status commit();

 private:
    StagedFolder(std::filesystem::path target, std::filesystem::path staging)
        : m_target(std::move(target)), m_staging(std::move(staging)) {}

    std::filesystem::path m_target;
    std::filesystem::path m_staging;
};

}  // namespace quantscope
