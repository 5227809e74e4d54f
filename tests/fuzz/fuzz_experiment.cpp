// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/experiment/experiment_json.h"

/// An experiment's JSON: what parses is written in a form that parses to the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto parsed = quantscope::parseRequest({reinterpret_cast<const char*>(data), size});
    if (!parsed) {
        if (parsed.error().message.empty()) std::abort();
        return 0;
    }
    const auto again = quantscope::parseRequest(quantscope::experimentJson(*parsed));
    if (!again || !(*again == *parsed)) std::abort();
    return 0;
}
