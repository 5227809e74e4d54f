// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace quantscope {

/// A positive real factor as integers (Jacobs et al. 2018, section 2.2): M = 2^-rightShift M0, M0 = mantissa
/// 2^-31 in [0.5, 1). The mantissa uses all of its 31 bits, so M is met to 2^-31 of itself. rightShift < 0: M
/// is 1 or more and the value is shifted left first.
struct FixedPointMultiplier {
    int32_t mantissa = 1 << 30;  ///< 2^30 .. 2^31 - 1
    int32_t rightShift = 0;      ///< -31 .. 31

    bool operator==(const FixedPointMultiplier&) const = default;
    /// M0, in [0.5, 1).
    [[nodiscard]] double fraction() const;
    /// 2^-rightShift M0.
    [[nodiscard]] double value() const;
};

/// The nearest such multiplier. InvalidArgument when `real` is zero, negative, denormal (as float), NaN,
/// infinite or outside [2^-32, 2^31), where 31 bits of shift cannot follow.
Result<FixedPointMultiplier> fixedPointMultiplier(double real);

/// M = S_A S_B / S_C of an integer product, exact to double. InvalidArgument names the scale that is zero,
/// negative, denormal, NaN or infinite.
Result<double> requantizationFactor(float inputScale, float weightScale, float outputScale);

/// round(a b / 2^31), ties towards plus infinity (a b = -2^30 gives 0, 2^30 gives 1); -2^31 * -2^31 saturates
/// to 2^31 - 1. The high half of the doubled product: ARM's SQRDMULH, gemmlowp's
/// SaturatingRoundingDoublingHighMul, which this equals bit for bit.
int32_t roundingDoublingHighMultiply(int32_t a, int32_t b);

/// round(x / 2^bits), ties away from zero, 0 <= bits <= 31 (gemmlowp's RoundingDivideByPOT).
int32_t roundingRightShift(int32_t x, int bits);

/// x 2^bits, saturating at the ends of int32, 0 <= bits <= 31.
int32_t saturatingLeftShift(int32_t x, int bits);

/// round(M x) in integers alone: left shift, high multiply, right shift. Both steps round, so that the result
/// may differ by one from the rounded real product (5.49.. becomes 5.5 becomes 6).
int32_t multiplyByFixedPoint(int32_t x, const FixedPointMultiplier& multiplier);

/// M0's 31 bits after the binary point, in groups of four: "0.1100 1000 ... 010".
std::string binaryFraction(const FixedPointMultiplier& multiplier);

/// The 32 bits of a value in two's complement, in groups of four.
std::string binaryText(int32_t value);

}  // namespace quantscope
