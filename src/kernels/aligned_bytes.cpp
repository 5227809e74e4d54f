// SPDX-License-Identifier: Apache-2.0
#include "kernels/aligned_bytes.h"

#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace quantscope {

AlignedBytes allocateAligned(int64_t bytes) {
    constexpr int64_t kLine = 64;
    constexpr int64_t kLargePage = int64_t{1} << 21;
    const int64_t alignment = bytes >= kLargePage ? kLargePage : kLine;
    const int64_t rounded = (bytes + alignment - 1) / alignment * alignment;
    auto* p = static_cast<std::byte*>(
        std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(rounded)));
    if (p == nullptr) return {};
#if defined(__linux__)
    // A hint: without large pages everything works as well, only slower.
    if (alignment == kLargePage) (void)madvise(p, static_cast<size_t>(rounded), MADV_HUGEPAGE);
#endif
    return AlignedBytes(p);
}

AlignedBytes allocateZeroed(int64_t bytes) {
    AlignedBytes memory = allocateAligned(bytes);
    if (memory) std::memset(memory.get(), 0, static_cast<size_t>(bytes));
    return memory;
}

}  // namespace quantscope
