// SPDX-License-Identifier: Apache-2.0
#include "io/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope {
namespace {

/// Length of the well-formed sequence at the start of `text`, 0 if there is none.
size_t sequenceLength(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return 0;
    }
    const unsigned second = byte(1);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second > 0x9F;
    const bool tooLarge = lead == 0xF4 && second > 0x8F;
    return overlong || surrogate || tooLarge ? 0 : length;
}

bool isControl(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
}

}  // namespace

bool isValidUtf8(std::string_view text) {
    while (!text.empty()) {
        const size_t length = sequenceLength(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

bool isCleanName(std::string_view name) {
    return !name.empty() && std::none_of(name.begin(), name.end(), isControl) && isValidUtf8(name);
}

std::string printable(std::string_view name, size_t limit) {
    std::string out;
    while (!name.empty()) {
        if (out.size() >= limit) return out + "…";
        const size_t length = isControl(name[0]) ? 0 : sequenceLength(name);
        if (length == 0) out += fmt::format("\\x{:02X}", static_cast<unsigned char>(name[0]));
        out.append(name.substr(0, length));
        name.remove_prefix(std::max<size_t>(length, 1));
    }
    return out;
}

}  // namespace quantscope
