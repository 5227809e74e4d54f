// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/config.h"

/// A config.json that is accepted describes a model whose sizes later stages may multiply.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto config = quantscope::configFromHuggingFace({reinterpret_cast<const char*>(data), size});
    if (!config) {
        if (config.error().message.empty()) std::abort();
        return 0;
    }
    if (!quantscope::checkConfig(*config) || config->heads * config->headDim <= 0 ||
        config->vocabulary * config->hidden <= 0 || config->hidden * config->feedForward <= 0)
        std::abort();
    return 0;
}
