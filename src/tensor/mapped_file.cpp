// SPDX-License-Identifier: Apache-2.0
#include "tensor/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/out_of_memory.h"

namespace quantscope {

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
    const auto systemError = [&] {
        const int code = errno;
        return fail(Error{code == ENOENT ? ErrorKind::NotFound : ErrorKind::CannotRead,
                          std::strerror(code),
                          path.string(),
                          {},
                          "Check the path and the permissions"});
    };
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return systemError();
    struct stat info {};
    const bool known = fstat(descriptor, &info) == 0;
    if (!known || !S_ISREG(info.st_mode)) {
        ::close(descriptor);
        return fail(Error{ErrorKind::CannotRead, "not a regular file", path.string(), {}, "Choose a file"});
    }
    std::shared_ptr<MappedFile> file(new MappedFile());
    file->m_path = path;
    file->m_device = info.st_dev;
    file->m_inode = info.st_ino;
    const auto size = static_cast<size_t>(info.st_size);
    if (size > 0) {
        void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (address == MAP_FAILED) {
            const bool full = errno == ENOMEM;
            const auto error = full
                                   ? fail(inFile(notEnoughMemory("a view of this file", size), path.string()))
                                   : systemError();
            ::close(descriptor);
            return error;
        }
        file->m_bytes = {static_cast<const std::byte*>(address), size};
    }
    ::close(descriptor);
    return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
    if (!m_bytes.empty()) munmap(const_cast<std::byte*>(m_bytes.data()), m_bytes.size());
}

Status MappedFile::checkWhole() const {
    struct stat info {};
    if (stat(m_path.c_str(), &info) != 0 || info.st_dev != m_device || info.st_ino != m_inode) return {};
    if (static_cast<uint64_t>(info.st_size) >= m_bytes.size()) return {};
    return fail(Error{ErrorKind::CannotRead,
                      "the file has become shorter since it was opened",
                      m_path.string(),
                      {},
                      "Let the program that writes it finish, then open it again"});
}

Storage MappedFile::part(uint64_t offset, uint64_t count) const {
    assert(offset <= m_bytes.size() && count <= m_bytes.size() - offset);
    return {shared_from_this(), m_bytes.subspan(offset, count)};
}

}  // namespace quantscope
