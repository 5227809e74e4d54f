// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/config.h"
#include "model/tokenizer/tokenizer.h"
#include "open_bytes.h"

namespace {

using TokenizerResult = quantscope::Result<std::shared_ptr<const quantscope::Tokenizer>>;

/// What was read encodes a text to ids of its vocabulary, and decodes every id there is.
void use(const TokenizerResult& tokenizer, std::string_view text) {
    if (!tokenizer) {
        if (tokenizer.error().message.empty()) std::abort();
        return;
    }
    if (const auto ids = (*tokenizer)->encode(text)) {
        for (const int32_t id : *ids)
            if (id < 0 || id >= (*tokenizer)->vocabulary()) std::abort();
        if (!(*tokenizer)->decode(*ids)) std::abort();
    } else if (ids.error().message.empty()) {
        std::abort();
    }
    size_t bytes = 0;
    for (int32_t id = 0; id < (*tokenizer)->vocabulary(); ++id) bytes += (*tokenizer)->tokenText(id).size();
    if (bytes == SIZE_MAX) std::abort();
}

}  // namespace

/// A GGUF file, whose metadata describe tokenizer and model; or tokenizer.json. Behind a zero byte the latter
/// has a text, and behind another one tokenizer_config.json.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr std::string_view kText = "In 1789, they said:\n \xc3\xa9 the end";
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.starts_with("GGUF")) {
        const quantscope::fuzz::BytesAsFile file(data, size);
        const auto opened = quantscope::openCheckpoint(file.path());
        if (!opened) return 0;
        use(quantscope::tokenizerFromGguf((*opened)->metadata()), kText);
        const auto config = quantscope::configFromGguf(**opened);
        if (!config && config.error().message.empty()) std::abort();
        return 0;
    }
    const size_t json = std::min(input.find('\0'), size);
    const std::string_view rest = input.substr(std::min(json + 1, size));
    const std::string_view text = rest.substr(0, rest.find('\0'));
    const std::string_view config = rest.substr(std::min(text.size() + 1, rest.size()));
    use(quantscope::tokenizerFromJson(input.substr(0, json), config), text.empty() ? kText : text);
    return 0;
}
