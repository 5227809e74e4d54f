// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <vector>

#include "open_bytes.h"

/// The input is a GGUF file; its magic is set, so that no time is spent on other formats.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::vector<uint8_t> file(data, data + size);
    if (file.size() < 4) return 0;
    std::memcpy(file.data(), "GGUF", 4);
    quantscope::fuzz::openAndLoad(file.data(), file.size());
    return 0;
}
