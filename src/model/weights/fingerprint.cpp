// SPDX-License-Identifier: Apache-2.0
#include "model/weights/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace quantscope {

void Fingerprint::mix(uint64_t word) {
    m_state = (m_state ^ word) * 0x100000001B3ULL;
    m_state ^= m_state >> 29;  // the multiplication alone carries nothing down
}

void Fingerprint::add(std::span<const std::byte> bytes) {
    mix(bytes.size());
    for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
        uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, std::min(sizeof(word), bytes.size() - at));
        mix(word);
    }
}

void Fingerprint::add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
}

std::string Fingerprint::text() const {
    uint64_t x = m_state;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return fmt::format("{:016x}", x ^ (x >> 31));
}

Result<std::string> modelFingerprint(const Model& model) {
    constexpr uint64_t kStretches = 64;
    constexpr uint64_t kStretch = 256;
    const ModelConfig& config = model.config();
    Fingerprint print;
    print.add(config.architecture);
    for (const int64_t number : {config.vocabulary, config.blocks, config.hidden, config.feedForward,
                                 config.heads, config.keyValueHeads, config.headDim})
        print.add(static_cast<uint64_t>(number));
    for (const LinearInfo& layer : model.linears()) {
        const auto weight = model.storedWeight(layer.name);
        if (!weight) return fail(weight.error());
        const std::span<const std::byte> bytes = weight->bytes();
        print.add(layer.name);
        print.add(static_cast<uint64_t>(weight->dtype()));
        print.add(bytes.size());
        const uint64_t last = bytes.size() - std::min<uint64_t>(kStretch, bytes.size());
        for (uint64_t i = 0; i < kStretches; ++i)
            print.add(bytes.subspan(last * i / (kStretches - 1), std::min<uint64_t>(kStretch, bytes.size())));
        if (layer.biasName.empty()) continue;
        const auto bias = model.bias(layer);
        if (!bias) return fail(bias.error());
        print.add(bias->bytes());
    }
    return print.text();
}

std::string textFingerprint(std::span<const int32_t> tokens, int64_t window) {
    Fingerprint print;
    print.add(static_cast<uint64_t>(window));
    print.add(std::as_bytes(tokens));
    return print.text();
}

}  // namespace quantscope
