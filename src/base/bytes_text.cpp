// SPDX-License-Identifier: Apache-2.0
#include "base/bytes_text.h"

#include <fmt/format.h>

#include <array>

namespace quantscope {

std::string bytesText(uint64_t bytes) {
    constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes);
    size_t unit = 0;
    // 1023.96 would print as "1024.0".
    while (value >= 1023.95 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace quantscope
