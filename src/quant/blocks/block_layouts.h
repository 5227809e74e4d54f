// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace quantscope {

// GGUF's block layouts (ggml-common.h of ggml; little endian). d, m and dmin are F16 bit patterns. In the
// blocks of 32, the code of element j < 16 is the low nibble of byte j, that of element j + 16 its high one.

struct BlockQ4_0 {  // r = d (q - 8)
    uint16_t d;
    std::array<uint8_t, 16> nibbles;
};
struct BlockQ4_1 {  // r = d q + m
    uint16_t d;
    uint16_t m;
    std::array<uint8_t, 16> nibbles;
};
struct BlockQ5_0 {  // r = d (q - 16); bit j of highBits is bit 4 of element j's code
    uint16_t d;
    std::array<uint8_t, 4> highBits;
    std::array<uint8_t, 16> nibbles;
};
struct BlockQ5_1 {  // r = d q + m
    uint16_t d;
    uint16_t m;
    std::array<uint8_t, 4> highBits;
    std::array<uint8_t, 16> nibbles;
};
struct BlockQ8_0 {  // r = d q
    uint16_t d;
    std::array<int8_t, 32> codes;
};
struct BlockIq4Nl {  // r = d kIq4NlValues[q]
    uint16_t d;
    std::array<uint8_t, 16> nibbles;
};
struct BlockMxfp4 {  // r = 2^(e - 127) E2M1[q]
    uint8_t e;
    std::array<uint8_t, 16> nibbles;
};

// Super-blocks of 256 elements: 16 runs of 16 or 8 runs of 32 share a small integer scale.

struct BlockQ2K {  // r = d s q - dmin m; byte i of scales: s low nibble, m high nibble of run i
    std::array<uint8_t, 16> scales;
    std::array<uint8_t, 64> codes;  // half h of 128: element 32 k + l is bits 2k.. of byte 32 h + l
    uint16_t d;
    uint16_t dmin;
};
struct BlockQ3K {                      // r = d (s - 32) (q - (high bit ? 0 : 4))
    std::array<uint8_t, 32> highBits;  // bit k of byte l: element 32 k + l
    std::array<uint8_t, 64> codes;     // as in Q2_K
    std::array<uint8_t, 12> scales;    // 16 x 6 bits: bytes 0..7 low nibbles, bytes 8..11 upper pairs
    uint16_t d;
};
struct BlockQ4K {  // r = d s q - dmin m
    uint16_t d;
    uint16_t dmin;
    std::array<uint8_t, 12> scales;  // 8 scales and 8 minima, 6 bits each
    std::array<uint8_t, 128> codes;  // bytes 32 k ..: low nibbles run 2k, high nibbles run 2k + 1
};
struct BlockQ5K {  // as Q4_K with a fifth bit: bit k of highBits[l] belongs to element 32 k + l
    uint16_t d;
    uint16_t dmin;
    std::array<uint8_t, 12> scales;
    std::array<uint8_t, 32> highBits;
    std::array<uint8_t, 128> codes;
};
struct BlockQ6K {  // r = d s (q - 32), runs of 16
    std::array<uint8_t, 128> lowNibbles;
    std::array<uint8_t, 64> highPairs;
    std::array<int8_t, 16> scales;
    uint16_t d;
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22 &&
              sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockIq4Nl) == 18 &&
              sizeof(BlockMxfp4) == 17);
static_assert(sizeof(BlockQ2K) == 84 && sizeof(BlockQ3K) == 110 && sizeof(BlockQ4K) == 144 &&
              sizeof(BlockQ5K) == 176 && sizeof(BlockQ6K) == 210);

/// The 16 levels of IQ4_NL.
inline constexpr std::array<int8_t, 16> kIq4NlValues{-127, -104, -83, -65, -49, -35, -22, -10,
                                                     1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace quantscope
