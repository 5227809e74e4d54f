// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace quantscope {

/// Bit-level conversions of the small float types. To float they are exact; from float they round to nearest,
/// ties to even. Layouts are sign/exponent/mantissa: F16 1/5/10, BF16 1/8/7, E4M3 1/4/3 (the "fn" form of the
/// OCP FP8 paper: no infinity, NaN is all ones, largest 448), E5M2 1/5/2 (IEEE-like, largest 57344), E2M1
/// 1/2/1 (0 .5 1 1.5 2 3 4 6 and their negatives, no NaN), E8M0 0/8/0 (2^(e-127), 255 is NaN).
/// Out of range: F16, BF16 and E5M2 become infinite as IEEE 754 has it; E4M3 and E2M1, which have no
/// infinity, saturate; NaN in E2M1 becomes 0.
/// Instruction-set files do not include this header (shared inline code could end up in the wrong path).

constexpr float floatFromBits(uint32_t bits) {
    return std::bit_cast<float>(bits);
}
constexpr uint32_t bitsOf(float value) {
    return std::bit_cast<uint32_t>(value);
}

/// Branch-free, so that loops over it vectorize.
constexpr float floatFromF16(uint16_t half) {
    const uint32_t sign = (half & 0x8000U) << 16;
    const uint32_t magnitude = (half & 0x7FFFU) << 13;
    // Multiplying by 2^112 moves the exponent's bias from 15 to 127 and normalizes denormals.
    const uint32_t scaled = bitsOf(floatFromBits(magnitude) * 0x1p112F);
    const uint32_t special = magnitude | 0x7F800000U;
    return floatFromBits(sign | (magnitude >= 0x0F800000U ? special : scaled));
}
uint16_t f16FromFloat(float value);

constexpr float floatFromBf16(uint16_t bits) {
    return floatFromBits(static_cast<uint32_t>(bits) << 16);
}
constexpr uint16_t bf16FromFloat(float value) {
    const uint32_t bits = bitsOf(value);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<uint16_t>((bits >> 16) | 0x40U);
    return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

float floatFromE4m3(uint8_t bits);
uint8_t e4m3FromFloat(float value);
float floatFromE5m2(uint8_t bits);
uint8_t e5m2FromFloat(float value);
/// The low four bits count.
float floatFromE2m1(uint8_t bits);
uint8_t e2m1FromFloat(float value);
float floatFromE8m0(uint8_t bits);
/// The nearest power of two (ties to the even exponent byte), saturating at 2^-127 and 2^127; the sign is
/// ignored; NaN and infinity become NaN (255).
uint8_t e8m0FromFloat(float value);

/// A float format by its field widths, for the exact scalar conversions above and for drawing bit fields.
struct FloatLayout {
    int exponentBits = 8;
    int mantissaBits = 23;
    enum class Special : uint8_t { Ieee, NanOnly, None } special = Special::Ieee;

    [[nodiscard]] constexpr int bias() const { return (1 << (exponentBits - 1)) - 1; }
    [[nodiscard]] constexpr int totalBits() const { return 1 + exponentBits + mantissaBits; }
};
inline constexpr FloatLayout kF16Layout{5, 10, FloatLayout::Special::Ieee};
inline constexpr FloatLayout kE4m3Layout{4, 3, FloatLayout::Special::NanOnly};
inline constexpr FloatLayout kE5m2Layout{5, 2, FloatLayout::Special::Ieee};
inline constexpr FloatLayout kE2m1Layout{2, 1, FloatLayout::Special::None};

/// The value of a bit pattern of a format with at most 16 bits.
float decodeFloat(uint32_t bits, const FloatLayout& layout);
/// The nearest pattern, ties to the even one; out of range as said above.
uint32_t encodeFloat(float value, const FloatLayout& layout);

}  // namespace quantscope
