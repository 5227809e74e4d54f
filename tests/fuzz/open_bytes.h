// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "io/checkpoint.h"

namespace quantscope::fuzz {

/// The bytes as a file that lies in memory and has a path.
class BytesAsFile {
 public:
    BytesAsFile(const uint8_t* data, size_t size) : m_descriptor(memfd_create("fuzz", MFD_CLOEXEC)) {
        if (m_descriptor < 0 || write(m_descriptor, data, size) != static_cast<ssize_t>(size)) std::abort();
    }
    ~BytesAsFile() { close(m_descriptor); }
    BytesAsFile(const BytesAsFile&) = delete;
    BytesAsFile& operator=(const BytesAsFile&) = delete;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(m_descriptor); }

 private:
    int m_descriptor;
};

/// A safetensors file: the first two of `data` are the header's length, the rest is header and tensors.
inline std::vector<uint8_t> asSafetensors(const uint8_t* data, size_t size) {
    std::vector<uint8_t> file(8, 0);
    std::memcpy(file.data(), data, 2);
    file.insert(file.end(), data + 2, data + size);
    return file;
}

/// Opens the bytes as a file in memory, loads every tensor and reads its first and last byte. What happens is
/// either an error with a message or a tensor of the promised size.
inline void openAndLoad(const uint8_t* data, size_t size) {
    const BytesAsFile file(data, size);
    const auto opened = openCheckpoint(file.path());
    if (!opened) {
        if (opened.error().message.empty() || opened.error().file.empty()) std::abort();
        return;
    }
    unsigned sum = 0;
    for (const TensorEntry& entry : (*opened)->tensors()) {
        const auto tensor = (*opened)->load(entry.name);
        if (!tensor || tensor->bytes().empty()) continue;
        if (tensor->bytes().size() != entry.bytes) std::abort();
        sum += static_cast<unsigned>(tensor->bytes().front()) + static_cast<unsigned>(tensor->bytes().back());
    }
    if (sum == ~0U) std::abort();
}

}  // namespace quantscope::fuzz
