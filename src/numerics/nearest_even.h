// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace quantscope {

/// Rounding to the nearest integer, ties to even, without a library call: the one home of the trick for all
/// loops that are compiled for several instruction sets. Always inline, so that each of them has its own. Two
/// kinds of code round otherwise: the plain meaning (quant/passes, kernels/reference) calls std::nearbyint,
/// and the files of kernels/x86, which may see nothing but intrinsics, have an instruction for it.

/// Of a float or of each lane of a vector, |x| <= 2^22: there, in the default rounding mode, adding 1.5 *
/// 2^23 leaves an integer, and taking it away again is exact.
template <class T>
[[gnu::always_inline]] inline T roundHalfEven(const T& x) {
    constexpr float kMagic = 0x1.8p23F;
    return (x + kMagic) - kMagic;
}

/// Of any float but NaN: values beyond 2^20 are clamped first, which changes no code: codes and zero points
/// stay below 2^17.
[[gnu::always_inline]] inline float nearestEven(float x) {
    constexpr float kLimit = 0x1p20F;
    x = x < -kLimit ? -kLimit : x;
    x = x > kLimit ? kLimit : x;
    return roundHalfEven(x);
}

/// As an int, |x| < 2^22, and within low .. high.
[[gnu::always_inline]] inline int nearestInteger(float x) {
    return static_cast<int>(roundHalfEven(x));
}
[[gnu::always_inline]] inline int nearestInteger(float x, int low, int high) {
    const int code = nearestInteger(x);
    return code < low ? low : code > high ? high : code;
}

}  // namespace quantscope
