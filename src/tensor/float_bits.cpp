// SPDX-License-Identifier: Apache-2.0
#include "tensor/float_bits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quantscope {
namespace {

/// Largest finite magnitude as a pattern without sign.
uint32_t largestFinite(const FloatLayout& layout) {
    const uint32_t all = (1U << (layout.exponentBits + layout.mantissaBits)) - 1;
    switch (layout.special) {
        case FloatLayout::Special::Ieee:
            return all - (1U << layout.mantissaBits);
        case FloatLayout::Special::NanOnly:
            return all - 1;
        case FloatLayout::Special::None:
            break;
    }
    return all;
}

uint32_t nanPattern(const FloatLayout& layout) {
    const uint32_t all = (1U << (layout.exponentBits + layout.mantissaBits)) - 1;
    switch (layout.special) {
        case FloatLayout::Special::Ieee:
            return largestFinite(layout) + 1 + (1U << (layout.mantissaBits - 1));
        case FloatLayout::Special::NanOnly:
            return all;
        case FloatLayout::Special::None:
            break;
    }
    return 0;
}

}  // namespace

float decodeFloat(uint32_t bits, const FloatLayout& layout) {
    const uint32_t magnitude = bits & ((1U << (layout.exponentBits + layout.mantissaBits)) - 1);
    const bool negative = ((bits >> (layout.exponentBits + layout.mantissaBits)) & 1U) != 0;
    const uint32_t exponent = magnitude >> layout.mantissaBits;
    const uint32_t mantissa = magnitude & ((1U << layout.mantissaBits) - 1);
    float value = 0;
    if (magnitude > largestFinite(layout)) {
        const bool infinite = layout.special == FloatLayout::Special::Ieee && mantissa == 0;
        value = infinite ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    } else if (exponent == 0) {
        value = std::ldexp(static_cast<float>(mantissa), 1 - layout.bias() - layout.mantissaBits);
    } else {
        value = std::ldexp(static_cast<float>(mantissa + (1U << layout.mantissaBits)),
                           static_cast<int>(exponent) - layout.bias() - layout.mantissaBits);
    }
    return negative ? -value : value;
}

uint32_t encodeFloat(float value, const FloatLayout& layout) {
    const uint32_t sign = std::signbit(value) ? 1U << (layout.exponentBits + layout.mantissaBits) : 0U;
    if (std::isnan(value))
        return layout.special == FloatLayout::Special::None ? 0 : sign | nanPattern(layout);
    const float magnitude = std::abs(value);
    const uint32_t largest = largestFinite(layout);
    uint32_t pattern = largest + 1;
    if (!std::isinf(magnitude)) {
        // In units of the spacing at this magnitude the pattern is an integer; a carry out of the mantissa
        // moves on to the next exponent by itself.
        int exponent = 0;
        std::frexp(magnitude, &exponent);
        const int lowest = 1 - layout.bias();
        const int binade = magnitude == 0 ? lowest : std::max(exponent - 1, lowest);
        const double units =
            std::nearbyint(std::ldexp(static_cast<double>(magnitude), layout.mantissaBits - binade));
        const double steps = units + std::ldexp(static_cast<double>(binade - lowest), layout.mantissaBits);
        if (steps <= largest) pattern = static_cast<uint32_t>(steps);
    }
    if (pattern > largest && layout.special != FloatLayout::Special::Ieee) pattern = largest;
    return sign | pattern;
}

uint16_t f16FromFloat(float value) {
    const uint32_t bits = bitsOf(value);
    const uint32_t sign = (bits >> 16) & 0x8000U;
    const uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return static_cast<uint16_t>(sign | 0x7E00U | ((magnitude >> 13) & 0x3FFU));
    if (magnitude >= 0x477FF000U) return static_cast<uint16_t>(sign | 0x7C00U);  // 65520 and above
    if (magnitude < 0x38800000U) {
        // Below 2^-14 the spacing is 2^-24: adding 0.5 makes the float adder round to it.
        const uint32_t rounded = bitsOf(floatFromBits(magnitude) + 0.5F) - bitsOf(0.5F);
        return static_cast<uint16_t>(sign | rounded);
    }
    const uint32_t rebased = magnitude - (112U << 23);
    return static_cast<uint16_t>(sign | ((rebased + 0xFFFU + ((rebased >> 13) & 1U)) >> 13));
}

float floatFromE4m3(uint8_t bits) {
    return decodeFloat(bits, kE4m3Layout);
}
uint8_t e4m3FromFloat(float value) {
    return static_cast<uint8_t>(encodeFloat(value, kE4m3Layout));
}
float floatFromE5m2(uint8_t bits) {
    return decodeFloat(bits, kE5m2Layout);
}
uint8_t e5m2FromFloat(float value) {
    return static_cast<uint8_t>(encodeFloat(value, kE5m2Layout));
}
float floatFromE2m1(uint8_t bits) {
    return decodeFloat(bits & 0xFU, kE2m1Layout);
}
uint8_t e2m1FromFloat(float value) {
    return static_cast<uint8_t>(encodeFloat(value, kE2m1Layout));
}

float floatFromE8m0(uint8_t bits) {
    if (bits == 255) return std::numeric_limits<float>::quiet_NaN();
    return std::ldexp(1.0F, static_cast<int>(bits) - 127);
}

uint8_t e8m0FromFloat(float value) {
    if (!std::isfinite(value)) return 255;
    const float magnitude = std::abs(value);
    if (magnitude <= 0x1p-127F) return 0;
    int exponent = 0;
    const float fraction = std::frexp(magnitude, &exponent);  // [0.5, 1): magnitude = 2^(exponent-1) * [1, 2)
    const int lower = exponent - 1 + 127;
    const bool tie = fraction == 0.75F;
    const int nearest = fraction > 0.75F || (tie && lower % 2 != 0) ? lower + 1 : lower;
    return static_cast<uint8_t>(std::clamp(nearest, 0, 254));
}

}  // namespace quantscope
