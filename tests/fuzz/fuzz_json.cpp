// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "io/json_input.h"

/// A document that parses can be written and parsed again to an equal one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto parsed = quantscope::parseJson({reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    const auto again = quantscope::parseJson(parsed->dump());
    if (!again || *again != *parsed) std::abort();
    return 0;
}
