// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace quantscope {

/// A part of a file that belongs to item `index`.
struct Extent {
    uint64_t offset = 0;
    uint64_t bytes = 0;
    size_t index = 0;
};

/// Sorts by offset and gives the first pair that shares bytes; empty extents share none. offset + bytes must
/// not overflow.
inline std::optional<std::pair<size_t, size_t>> firstOverlap(std::vector<Extent>& extents) {
    std::erase_if(extents, [](const Extent& e) { return e.bytes == 0; });
    std::sort(extents.begin(), extents.end(),
              [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
    for (size_t i = 1; i < extents.size(); ++i) {
        const Extent& before = extents[i - 1];
        if (before.offset + before.bytes > extents[i].offset)
            return std::pair(before.index, extents[i].index);
    }
    return std::nullopt;
}

}  // namespace quantscope
