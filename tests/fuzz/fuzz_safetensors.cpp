// SPDX-License-Identifier: Apache-2.0
#include "open_bytes.h"

/// The first two bytes are the header's length, the rest is header and data.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3) return 0;
    const auto file = quantscope::fuzz::asSafetensors(data, size);
    quantscope::fuzz::openAndLoad(file.data(), file.size());
    return 0;
}
