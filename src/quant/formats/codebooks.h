// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quantscope {

/// Sorted values that codes stand for, in [-1, 1] unless a comment says otherwise.

/// NF4 of QLoRA (Dettmers et al. 2023): quantiles of the normal distribution, 0 included.
std::span<const float> nf4Levels();
/// FP4 of bitsandbytes: sign, 2 bits of exponent, 1 of mantissa, divided by 12; -0 and 0 are one level.
std::span<const float> fp4Levels();
/// The 8-bit dynamic map of bitsandbytes (Dettmers 2016): 256 levels, exponent in unary.
std::span<const float> dynamicLevels();

/// Index of the nearest of the sorted levels, the lower one at the midpoint; midpoints in float32, as
/// torch.bucketize over (a + b) / 2 (bitsandbytes).
class NearestLevel {
 public:
    explicit NearestLevel(std::span<const float> levels);
    [[nodiscard]] int32_t operator()(float value) const;

 private:
    std::vector<float> m_bounds;
};

/// A small float without infinities, rounded to nearest, ties to even, saturating: sign, exponent, mantissa.
struct Minifloat {
    int exponentBits = 4;
    int mantissaBits = 3;
    int bias = 7;
    float largest = 448;

    [[nodiscard]] int bits() const { return 1 + exponentBits + mantissaBits; }
    /// Exponent of the largest power of two: what the MX formats subtract.
    [[nodiscard]] int largestExponent() const;
    [[nodiscard]] float round(float value) const;
};
inline constexpr Minifloat kE4M3{4, 3, 7, 448};
inline constexpr Minifloat kE5M2{5, 2, 15, 57344};
inline constexpr Minifloat kE2M3{2, 3, 1, 7.5F};
inline constexpr Minifloat kE3M2{3, 2, 3, 28};
inline constexpr Minifloat kE2M1{2, 1, 1, 6};

}  // namespace quantscope
