// SPDX-License-Identifier: Apache-2.0
#include "quant/packing.h"

#include <cassert>

namespace quantscope {

int64_t packedBytes(int64_t count, int bits) {
    return (count * bits + 7) / 8;
}

void packCodes(std::span<const int32_t> codes, int32_t offset, int bits, std::byte* dst) {
    uint64_t pending = 0;
    int pendingBits = 0;
    for (const int32_t code : codes) {
        const auto value = static_cast<uint32_t>(code - offset);
        assert(value >> bits == 0);
        pending |= static_cast<uint64_t>(value) << pendingBits;
        pendingBits += bits;
        for (; pendingBits >= 8; pendingBits -= 8, pending >>= 8) *dst++ = static_cast<std::byte>(pending);
    }
    if (pendingBits > 0) *dst = static_cast<std::byte>(pending);
}

void unpackCodes(const std::byte* src, int bits, int32_t offset, std::span<int32_t> codes) {
    const uint32_t mask = (1U << bits) - 1;
    uint64_t pending = 0;
    int pendingBits = 0;
    for (int32_t& code : codes) {
        for (; pendingBits < bits; pendingBits += 8) pending |= static_cast<uint64_t>(*src++) << pendingBits;
        code = static_cast<int32_t>(static_cast<uint32_t>(pending) & mask) + offset;
        pending >>= bits;
        pendingBits -= bits;
    }
}

int32_t unpackCode(const std::byte* src, int bits, int32_t offset, int64_t index) {
    const int64_t first = index * bits;
    const int64_t last = first + bits - 1;
    uint32_t word = 0;
    for (int64_t byte = last / 8; byte >= first / 8; --byte)
        word = (word << 8) | static_cast<uint32_t>(src[byte]);
    return static_cast<int32_t>((word >> (first % 8)) & ((1U << bits) - 1)) + offset;
}

}  // namespace quantscope
