// SPDX-License-Identifier: Apache-2.0
#include "base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/temporary_name.h"

namespace quantscope {

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& target) {
    AtomicFile file;
    file.m_target = target;
    removeAbandonedTemporaries(target.parent_path());
    std::string pattern = temporaryBeside(target).string() + ".XXXXXX";
    file.m_descriptor = mkstemp(pattern.data());
    if (file.m_descriptor < 0) return fail(file.systemError("cannot create"));
    file.m_temporary = pattern;
    struct stat old {};
    const mode_t mode = stat(target.c_str(), &old) == 0 ? (old.st_mode & 0777U) : 0644U;
    if (fchmod(file.m_descriptor, mode) != 0) return fail(file.systemError("cannot set permissions"));
    return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : m_descriptor(std::exchange(other.m_descriptor, -1)),
      m_size(other.m_size),
      m_target(std::move(other.m_target)),
      m_temporary(std::exchange(other.m_temporary, {})) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
    if (this == &other) return *this;
    discard();
    m_descriptor = std::exchange(other.m_descriptor, -1);
    m_size = other.m_size;
    m_target = std::move(other.m_target);
    m_temporary = std::exchange(other.m_temporary, {});
    return *this;
}

AtomicFile::~AtomicFile() {
    discard();
}

void AtomicFile::discard() noexcept {
    if (m_descriptor >= 0) ::close(m_descriptor);
    m_descriptor = -1;
    if (!m_temporary.empty()) ::unlink(m_temporary.c_str());
    m_temporary.clear();
}

Error AtomicFile::systemError(std::string what) const {
    const int code = errno;
    std::string fix = "Choose another place, or check the folder and its permissions";
    if (code == ENOSPC || code == EDQUOT) fix = "Free some space on this disk; the old file is untouched";
    return Error{
        ErrorKind::CannotWrite, fmt::format("{}: {}", what, std::strerror(code)), m_target.string(), {}, fix};
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
    assert(m_descriptor >= 0);
    while (!bytes.empty()) {
        const ssize_t written = ::write(m_descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail(systemError("cannot write"));
        bytes = bytes.subspan(static_cast<size_t>(written));
        m_size += static_cast<uint64_t>(written);
    }
    return {};
}

Status AtomicFile::write(std::string_view text) {
    return write(std::as_bytes(std::span(text.data(), text.size())));
}

Status AtomicFile::padTo(size_t alignment) {
    static constexpr std::array<std::byte, 4096> kZeros{};
    assert(alignment >= 1);
    size_t missing = static_cast<size_t>((alignment - m_size % alignment) % alignment);
    while (missing > 0) {
        const size_t part = std::min(missing, kZeros.size());
        if (auto status = write(std::span(kZeros).first(part)); !status) return status;
        missing -= part;
    }
    return {};
}

Status AtomicFile::commit() {
    assert(m_descriptor >= 0);
    if (::fsync(m_descriptor) != 0) return fail(systemError("cannot sync"));
    if (::close(std::exchange(m_descriptor, -1)) != 0) return fail(systemError("cannot close"));
    if (::rename(m_temporary.c_str(), m_target.c_str()) != 0) return fail(systemError("cannot replace"));
    m_temporary.clear();
    return {};
}

Status writeTextFile(const std::filesystem::path& target, std::string_view text) {
    auto file = AtomicFile::create(target);
    if (!file) return fail(file.error());
    if (auto status = file->write(text); !status) return status;
    return file->commit();
}

Result<std::string> readTextFile(const std::filesystem::path& path, uint64_t limitBytes) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(path, code))
        return fail(Error{ErrorKind::NotFound, "no such file", path.string(), {}, "Check the path"});
    const uint64_t size = std::filesystem::file_size(path, code);
    if (code) return fail(Error{ErrorKind::CannotRead, code.message(), path.string(), {}, {}});
    if (size > limitBytes) {
        return fail(Error{ErrorKind::Unsupported,
                          fmt::format("{} bytes, more than the {} expected here", size, limitBytes),
                          path.string(),
                          {},
                          "Choose a smaller file"});
    }
    std::ifstream stream(path, std::ios::binary);
    std::string text(static_cast<size_t>(size), '\0');
    stream.read(text.data(), static_cast<std::streamsize>(size));
    if (!stream || static_cast<uint64_t>(stream.gcount()) != size)
        return fail(Error{ErrorKind::CannotRead, "cannot read the whole file", path.string(), {}, {}});
    return text;
}

}  // namespace quantscope
