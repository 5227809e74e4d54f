// SPDX-License-Identifier: Apache-2.0
// The blocks of 32 elements. Encoders compute codes with the float32 scale and store its F16 value, as ggml's
// reference does.
#include <algorithm>
#include <cmath>

#include "quant/blocks/block_codecs.h"
#include "quant/blocks/block_layouts.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr size_t kHalf = 16;

/// 1 / d, or 0 where d is 0 or so small that 1 / d is no finite number.
float inverseOf(float d) {
    const float inverse = d != 0 ? 1.0F / d : 0.0F;
    return std::isfinite(inverse) ? inverse : 0.0F;
}

/// The value of largest magnitude, the first one on a tie.
float extremeOf(const float* in) {
    float extreme = 0;
    for (size_t j = 0; j < 2 * kHalf; ++j)
        if (std::abs(in[j]) > std::abs(extreme)) extreme = in[j];
    return extreme;
}

/// floor(x + offset) for x + offset >= 0, at most `last`.
uint32_t codeOf(float x, float offset, uint32_t last) {
    return std::min(last, static_cast<uint32_t>(std::max(0.0F, x + offset)));
}

struct FiveBit {
    uint32_t high = 0;
    std::array<uint8_t, kHalf>& nibbles;

    void set(size_t j, uint32_t first, uint32_t second) {
        nibbles[j] = static_cast<uint8_t>((first & 0xFU) | ((second & 0xFU) << 4));
        high |= (first >> 4) << j;
        high |= (second >> 4) << (j + kHalf);
    }
    [[nodiscard]] std::array<uint8_t, 4> bytes() const {
        return {static_cast<uint8_t>(high), static_cast<uint8_t>(high >> 8), static_cast<uint8_t>(high >> 16),
                static_cast<uint8_t>(high >> 24)};
    }
};

uint32_t wordOf(const std::array<uint8_t, 4>& bytes) {
    return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
           static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

/// Calls value(j, code) for the 32 five-bit codes of a block.
template <class Value>
void forFiveBits(const std::array<uint8_t, 4>& highBits, const std::array<uint8_t, kHalf>& nibbles,
                 const Value& value) {
    const uint32_t high = wordOf(highBits);
    for (size_t j = 0; j < kHalf; ++j) {
        value(j, static_cast<int>((nibbles[j] & 0xFU) | (((high >> j) & 1U) << 4)));
        value(j + kHalf, static_cast<int>((nibbles[j] >> 4) | (((high >> (j + kHalf)) & 1U) << 4)));
    }
}

template <class Value>
void forNibbles(const std::array<uint8_t, kHalf>& nibbles, const Value& value) {
    for (size_t j = 0; j < kHalf; ++j) {
        value(j, static_cast<int>(nibbles[j] & 0xFU));
        value(j + kHalf, static_cast<int>(nibbles[j] >> 4));
    }
}

struct MinMax {
    float low;
    float high;
};

MinMax minMaxOf(const float* in) {
    const auto [low, high] = std::minmax_element(in, in + 2 * kHalf);
    return {*low, *high};
}

}  // namespace

void decodeBlock(const BlockQ4_0& block, float* out) {
    const float d = floatFromF16(block.d);
    forNibbles(block.nibbles, [&](size_t j, int q) { out[j] = static_cast<float>(q - 8) * d; });
}

void decodeBlock(const BlockQ4_1& block, float* out) {
    const float d = floatFromF16(block.d);
    const float m = floatFromF16(block.m);
    forNibbles(block.nibbles, [&](size_t j, int q) { out[j] = static_cast<float>(q) * d + m; });
}

void decodeBlock(const BlockQ5_0& block, float* out) {
    const float d = floatFromF16(block.d);
    forFiveBits(block.highBits, block.nibbles,
                [&](size_t j, int q) { out[j] = static_cast<float>(q - 16) * d; });
}

void decodeBlock(const BlockQ5_1& block, float* out) {
    const float d = floatFromF16(block.d);
    const float m = floatFromF16(block.m);
    forFiveBits(block.highBits, block.nibbles,
                [&](size_t j, int q) { out[j] = static_cast<float>(q) * d + m; });
}

void decodeBlock(const BlockQ8_0& block, float* out) {
    const float d = floatFromF16(block.d);
    for (size_t j = 0; j < 2 * kHalf; ++j) out[j] = static_cast<float>(block.codes[j]) * d;
}

void decodeBlock(const BlockIq4Nl& block, float* out) {
    const float d = floatFromF16(block.d);
    forNibbles(block.nibbles, [&](size_t j, int q) {
        out[j] = d * static_cast<float>(kIq4NlValues[static_cast<size_t>(q)]);
    });
}

void decodeBlock(const BlockMxfp4& block, float* out) {
    // The exponent byte 255 means 2^128 here, as in ggml, which knows no NaN scale; halving the scale and
    // doubling the levels keeps the factor finite.
    constexpr std::array<float, 16> kDoubled{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    const float halfScale = std::ldexp(1.0F, static_cast<int>(block.e) - 128);
    forNibbles(block.nibbles,
               [&](size_t j, int q) { out[j] = halfScale * kDoubled[static_cast<size_t>(q)]; });
}

void encodeBlock(const float* in, BlockQ4_0& block) {
    const float d = extremeOf(in) / -8.0F;
    const float inverse = inverseOf(d);
    block.d = f16FromFloat(d);
    for (size_t j = 0; j < kHalf; ++j) {
        block.nibbles[j] = static_cast<uint8_t>(codeOf(in[j] * inverse, 8.5F, 15) |
                                                codeOf(in[j + kHalf] * inverse, 8.5F, 15) << 4);
    }
}

void encodeBlock(const float* in, BlockQ4_1& block) {
    const auto [low, high] = minMaxOf(in);
    const float d = (high - low) / 15.0F;
    const float inverse = inverseOf(d);
    block.d = f16FromFloat(d);
    block.m = f16FromFloat(low);
    for (size_t j = 0; j < kHalf; ++j) {
        block.nibbles[j] = static_cast<uint8_t>(codeOf((in[j] - low) * inverse, 0.5F, 15) |
                                                codeOf((in[j + kHalf] - low) * inverse, 0.5F, 15) << 4);
    }
}

void encodeBlock(const float* in, BlockQ5_0& block) {
    const float d = extremeOf(in) / -16.0F;
    const float inverse = inverseOf(d);
    block.d = f16FromFloat(d);
    FiveBit codes{0, block.nibbles};
    for (size_t j = 0; j < kHalf; ++j)
        codes.set(j, codeOf(in[j] * inverse, 16.5F, 31), codeOf(in[j + kHalf] * inverse, 16.5F, 31));
    block.highBits = codes.bytes();
}

void encodeBlock(const float* in, BlockQ5_1& block) {
    const auto [low, high] = minMaxOf(in);
    const float d = (high - low) / 31.0F;
    const float inverse = inverseOf(d);
    block.d = f16FromFloat(d);
    block.m = f16FromFloat(low);
    FiveBit codes{0, block.nibbles};
    for (size_t j = 0; j < kHalf; ++j) {
        codes.set(j, codeOf((in[j] - low) * inverse, 0.5F, 31),
                  codeOf((in[j + kHalf] - low) * inverse, 0.5F, 31));
    }
    block.highBits = codes.bytes();
}

void encodeBlock(const float* in, BlockQ8_0& block) {
    const float d = std::abs(extremeOf(in)) / 127.0F;
    const float inverse = inverseOf(d);
    block.d = f16FromFloat(d);
    for (size_t j = 0; j < 2 * kHalf; ++j) block.codes[j] = static_cast<int8_t>(std::round(in[j] * inverse));
}

}  // namespace quantscope
