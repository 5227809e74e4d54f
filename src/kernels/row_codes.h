// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/cuda/host_device.h"
#include "kernels/integer_kernels.h"

namespace quantscope {

/// How a row of activations becomes codes: q = clamp(roundHalfEven(x inverse) + zero). Shared by the plain
/// kernels and the GPU's.
struct RowCode {
    float scale = 0;
    float inverse = 0;
    int32_t zero = 0;
};

/// Smallest range that has a finite reciprocal scale; rows below it are zeros.
constexpr float kSmallestRange = 0x1p-112F;

/// scale = max|x| / 127.
QUANTSCOPE_HOST_DEVICE inline RowCode symmetricRowCode(float minimum, float maximum) {
    const float largest = maximum < -minimum ? -minimum : maximum;
    if (largest < kSmallestRange) return {};
    return {largest / 127.0F, 127.0F / largest, 0};
}

/// scale = (max - min) / 255 with 0 in the range, zero = roundHalfEven(-min / scale).
QUANTSCOPE_HOST_DEVICE inline RowCode affineRowCode(float minimum, float maximum) {
    // Halves first: the difference of two large floats can overflow.
    const float half = 0.5F * maximum - 0.5F * minimum;
    if (half < kSmallestRange) return {};
    const float inverse = 127.5F / half;
    return {half / 127.5F, inverse, static_cast<int32_t>(nearbyintf(-minimum * inverse))};
}

/// One element's code; s8 as bits.
QUANTSCOPE_HOST_DEVICE inline uint8_t rowElementCode(float x, float inverse, int32_t zero, int32_t low,
                                                     int32_t high) {
    // Clamped as a float first: what lies beyond int32 cannot be converted.
    constexpr float kBeyond = 65536.0F;
    const float product = x * inverse;
    const float scaled = product < -kBeyond ? -kBeyond : product > kBeyond ? kBeyond : product;
    const int32_t code = static_cast<int32_t>(nearbyintf(scaled)) + zero;
    return static_cast<uint8_t>(code < low ? low : code > high ? high : code);
}

/// What the code stands for.
QUANTSCOPE_HOST_DEVICE inline float rowElementValue(int32_t code, int32_t zero, float scale) {
    return static_cast<float>(code - zero) * scale;
}

}  // namespace quantscope
