// SPDX-License-Identifier: Apache-2.0
#include "quant/packing.h"

#include <bit>
#include <cassert>
#include <cstring>
#include <type_traits>

namespace quantscope {

int64_t packedBytes(int64_t count, int bits) {
    return (count * bits + 7) / 8;
}

namespace {

/// Eight codes fill `kBits` bytes: with the width known, loops without a carry from one byte to the next.
template <int kBits>
struct Packing {
    static constexpr size_t kTogether = 8;

    [[gnu::always_inline]] static inline uint64_t word(const int32_t* codes, int32_t offset) {
        uint64_t value = 0;
        for (size_t i = 0; i < kTogether; ++i) {
            const auto code = static_cast<uint32_t>(codes[i] - offset);
            assert(code >> kBits == 0);
            value |= static_cast<uint64_t>(code) << (i * static_cast<size_t>(kBits));
        }
        return value;
    }
    /// The number of codes packed.
    [[gnu::always_inline]] static inline size_t run(std::span<const int32_t> codes, int32_t offset,
                                                    std::byte* dst) {
        size_t i = 0;
        for (; i + kTogether <= codes.size(); i += kTogether, dst += kBits) {
            const uint64_t value = word(codes.data() + i, offset);
            std::memcpy(dst, &value, kBits);
        }
        return i;
    }
};

/// The two widths of most formats, a byte at a time, which vectorizes.
template <>
struct Packing<8> {
    [[gnu::always_inline]] static inline size_t run(std::span<const int32_t> codes, int32_t offset,
                                                    std::byte* dst) {
        for (size_t i = 0; i < codes.size(); ++i) dst[i] = static_cast<std::byte>(codes[i] - offset);
        return codes.size();
    }
};
template <>
struct Packing<4> {
    [[gnu::always_inline]] static inline size_t run(std::span<const int32_t> codes, int32_t offset,
                                                    std::byte* dst) {
        const size_t pairs = codes.size() / 2;
        for (size_t i = 0; i < pairs; ++i)
            dst[i] = static_cast<std::byte>((codes[2 * i] - offset) | (codes[2 * i + 1] - offset) << 4);
        return 2 * pairs;
    }
};

template <int kBits>
struct Unpacking {
    [[gnu::always_inline]] static inline size_t run(const std::byte* src, int32_t offset,
                                                    std::span<int32_t> codes) {
        constexpr size_t kTogether = 8;
        constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1;
        size_t i = 0;
        for (; i + kTogether <= codes.size(); i += kTogether, src += kBits) {
            uint64_t value = 0;
            std::memcpy(&value, src, kBits);
            for (size_t k = 0; k < kTogether; ++k, value >>= kBits)
                codes[i + k] = static_cast<int32_t>(value & kMask) + offset;
        }
        return i;
    }
};

/// call(width) with `bits` as a constant of the type; 0 without one where codes are packed one by one.
template <class Call>
size_t withBits(int bits, const Call& call) {
    if constexpr (std::endian::native != std::endian::little) return 0;
    switch (bits) {
        case 1:
            return call(std::integral_constant<int, 1>());
        case 2:
            return call(std::integral_constant<int, 2>());
        case 3:
            return call(std::integral_constant<int, 3>());
        case 4:
            return call(std::integral_constant<int, 4>());
        case 5:
            return call(std::integral_constant<int, 5>());
        case 6:
            return call(std::integral_constant<int, 6>());
        case 7:
            return call(std::integral_constant<int, 7>());
        case 8:
            return call(std::integral_constant<int, 8>());
        default:
            return 0;
    }
}

void packTail(std::span<const int32_t> codes, int32_t offset, int bits, std::byte* dst) {
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

void unpackTail(const std::byte* src, int bits, int32_t offset, std::span<int32_t> codes) {
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

}  // namespace

void packCodes(std::span<const int32_t> codes, int32_t offset, int bits, std::byte* dst, InstructionSet set) {
    const size_t packed =
        withBits(bits, [&](auto width) { return runWith<Packing<width()>>(set, codes, offset, dst); });
    packTail(codes.subspan(packed), offset, bits, dst + packedBytes(static_cast<int64_t>(packed), bits));
}

void unpackCodes(const std::byte* src, int bits, int32_t offset, std::span<int32_t> codes,
                 InstructionSet set) {
    const size_t unpacked =
        withBits(bits, [&](auto width) { return runWith<Unpacking<width()>>(set, src, offset, codes); });
    unpackTail(src + packedBytes(static_cast<int64_t>(unpacked), bits), bits, offset,
               codes.subspan(unpacked));
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
