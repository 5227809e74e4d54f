// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <vector>

#include "open_bytes.h"

/// The first two bytes are the header's length, the rest is header and data.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3) return 0;
    std::vector<uint8_t> file(8, 0);
    std::memcpy(file.data(), data, 2);
    file.insert(file.end(), data + 2, data + size);
    quantscope::fuzz::openAndLoad(file.data(), file.size());
    return 0;
}
