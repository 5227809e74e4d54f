// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cmath>
#include <string_view>
#include <type_traits>

namespace quantscope {

/// The whole text as a number; false (and any value) where it is none or not finite.
template <class T>
bool readNumber(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(value)) return false;
    }
    return error == std::errc{} && end == text.data() + text.size();
}

/// "a,b" or "axb" as two numbers.
template <class T>
bool readPair(std::string_view text, char separator, T& first, T& second) {
    const size_t middle = text.find(separator);
    return middle != std::string_view::npos && readNumber(text.substr(0, middle), first) &&
           readNumber(text.substr(middle + 1), second);
}

}  // namespace quantscope
