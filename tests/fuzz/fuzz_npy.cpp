// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <vector>

#include "open_bytes.h"

/// An npz archive when it starts with "PK", else an npy file whose magic is set.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 6) return 0;
    std::vector<uint8_t> file(data, data + size);
    if (file[0] != 'P') std::memcpy(file.data(), "\x93NUMPY", 6);
    quantscope::fuzz::openAndLoad(file.data(), file.size());
    return 0;
}
