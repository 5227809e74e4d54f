// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/checkpoint.h"

namespace quantscope::fuzz {

/// Opens the bytes as a file in memory, loads every tensor and reads its first and last byte. What happens is
/// either an error with a message or a tensor of the promised size.
inline void openAndLoad(const uint8_t* data, size_t size) {
    const int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, size) != static_cast<ssize_t>(size)) std::abort();
    const auto opened = openCheckpoint("/proc/self/fd/" + std::to_string(descriptor));
    if (!opened && (opened.error().message.empty() || opened.error().file.empty())) std::abort();
    if (opened) {
        unsigned sum = 0;
        for (const TensorEntry& entry : (*opened)->tensors()) {
            const auto tensor = (*opened)->load(entry.name);
            if (!tensor || tensor->bytes().empty()) continue;
            if (tensor->bytes().size() != entry.bytes) std::abort();
            sum += static_cast<unsigned>(tensor->bytes().front()) +
                   static_cast<unsigned>(tensor->bytes().back());
        }
        if (sum == ~0U) std::abort();
    }
    close(descriptor);
}

}  // namespace quantscope::fuzz
