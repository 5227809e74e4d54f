// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace quantscope {

/// Half-even without a library call: in (-2^22, 2^22) adding and subtracting 1.5 * 2^23 rounds to an integer
/// in the default rounding mode. Values beyond are clamped first, which changes no code: codes and zero
/// points stay below 2^17. Always inline: loops are compiled for several instruction sets.
[[gnu::always_inline]] inline float nearestEven(float x) {
    constexpr float kLimit = 0x1p20F;
    constexpr float kMagic = 0x1.8p23F;
    x = x < -kLimit ? -kLimit : x;
    x = x > kLimit ? kLimit : x;
    return (x + kMagic) - kMagic;
}

}  // namespace quantscope
