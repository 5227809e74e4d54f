// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace quantscope {

/// Memory on a cache line, or on a large page where it fills some: streaming through a weight then
/// costs a five-hundredth of the address translations. Null when there is none left.
struct FreeBytes {
    void operator()(std::byte* p) const { std::free(p); }
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeBytes>;

/// Memory as above, rounded up to whole lines or pages; not initialized.
AlignedBytes allocateAligned(int64_t bytes);
/// The same, filled with zeros.
AlignedBytes allocateZeroed(int64_t bytes);

}  // namespace quantscope
