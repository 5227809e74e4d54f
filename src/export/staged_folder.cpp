// SPDX-License-Identifier: Apache-2.0
#include "export/staged_folder.h"

#include <system_error>
#include <utility>

#include "base/temporary_name.h"

namespace quantscope {
namespace {

Error cannotWrite(const std::filesystem::path& path, const std::error_code& error) {
    return {ErrorKind::CannotWrite, error.message(), path.string(), {}, "Choose a folder you may write to"};
}

}  // namespace

Result<StagedFolder> StagedFolder::create(const std::filesystem::path& target) {
    std::error_code error;
    const bool exists = std::filesystem::exists(target, error);
    if (exists &&
        (!std::filesystem::is_directory(target, error) || !std::filesystem::is_empty(target, error)))
        return fail(Error{ErrorKind::InvalidArgument, "this exists already", target.string(), "output",
                          "Name a new folder, or remove this one first"});
    // A trailing separator leaves no file name.
    const std::filesystem::path clean = target.has_filename() ? target : target.parent_path();
    removeAbandonedTemporaries(clean.parent_path());
    const std::filesystem::path staging = temporaryBeside(clean);
    std::filesystem::remove_all(staging, error);
    std::filesystem::create_directories(staging, error);
    if (error) return fail(cannotWrite(target, error));
    return StagedFolder(clean, staging);
}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : m_target(std::move(other.m_target)), m_staging(std::exchange(other.m_staging, {})) {}

StagedFolder::~StagedFolder() {
    std::error_code ignored;
    if (!m_staging.empty()) std::filesystem::remove_all(m_staging, ignored);
}

Status StagedFolder::commit() {
    std::error_code error;
    std::filesystem::rename(m_staging, m_target, error);
    if (error) return fail(cannotWrite(m_target, error));
    m_staging.clear();
    return {};
}

}  // namespace quantscope
