// SPDX-License-Identifier: Apache-2.0
#include "quant/fixed_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace quantscope {
namespace {

constexpr int kMantissaBits = 31;
constexpr int kMaxShift = 31;

std::string groupedBits(uint32_t bits, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        if (i > 0 && i % 4 == 0) text += ' ';
        text += (bits >> (count - 1 - i)) & 1U ? '1' : '0';
    }
    return text;
}

Status checkScale(float scale, const char* name) {
    std::string what;
    if (std::isnan(scale)) what = "not a number";
    if (std::isinf(scale)) what = "infinite";
    if (scale == 0) what = "zero: all values it was made of are zero";
    if (scale < 0) what = "negative";
    if (what.empty() && scale < std::numeric_limits<float>::min())
        what = fmt::format("{:g}, below the smallest normal float 1.18e-38", scale);
    if (what.empty()) return {};
    return fail(ErrorKind::InvalidArgument, fmt::format("the {} is {}", name, what), name,
                "Integer requantization needs positive, finite scales");
}

}  // namespace

double FixedPointMultiplier::fraction() const {
    return std::ldexp(static_cast<double>(mantissa), -kMantissaBits);
}

double FixedPointMultiplier::value() const {
    return std::ldexp(fraction(), -rightShift);
}

Result<FixedPointMultiplier> fixedPointMultiplier(double real) {
    const auto refuse = [&](const std::string& why) {
        return fail(ErrorKind::InvalidArgument, fmt::format("the multiplier {:g} {}", real, why),
                    "multiplier", "Choose another output scale");
    };
    if (!std::isfinite(real)) return refuse("is not a finite number");
    if (real <= 0) return refuse("is not positive");
    int exponent = 0;
    const double fraction = std::frexp(real, &exponent);  // in [0.5, 1)
    auto mantissa = static_cast<int64_t>(std::llround(std::ldexp(fraction, kMantissaBits)));
    if (mantissa == int64_t{1} << kMantissaBits) {  // 0.99999999999 rounds to 1
        mantissa /= 2;
        ++exponent;
    }
    if (-exponent > kMaxShift) return refuse("is below 2^-32: every accumulator would become 0");
    if (exponent > kMaxShift) return refuse("is 2^31 or more: every accumulator would saturate");
    return FixedPointMultiplier{static_cast<int32_t>(mantissa), -exponent};
}

Result<double> requantizationFactor(float inputScale, float weightScale, float outputScale) {
    if (auto status = checkScale(inputScale, "input scale"); !status) return fail(status.error());
    if (auto status = checkScale(weightScale, "weight scale"); !status) return fail(status.error());
    if (auto status = checkScale(outputScale, "output scale"); !status) return fail(status.error());
    return static_cast<double>(inputScale) * static_cast<double>(weightScale) /
           static_cast<double>(outputScale);
}

int32_t roundingDoublingHighMultiply(int32_t a, int32_t b) {
    constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
    if (a == kMin && b == kMin) return std::numeric_limits<int32_t>::max();
    const int64_t product = static_cast<int64_t>(a) * b;
    const int64_t nudge = product >= 0 ? int64_t{1} << 30 : 1 - (int64_t{1} << 30);
    return static_cast<int32_t>((product + nudge) / (int64_t{1} << 31));
}

int32_t roundingRightShift(int32_t x, int bits) {
    assert(bits >= 0 && bits <= kMaxShift);
    const auto mask = static_cast<int32_t>((uint32_t{1} << bits) - 1);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> bits) + (remainder > threshold ? 1 : 0);
}

int32_t saturatingLeftShift(int32_t x, int bits) {
    assert(bits >= 0 && bits <= kMaxShift);
    const int64_t wide = static_cast<int64_t>(x) * (int64_t{1} << bits);
    return static_cast<int32_t>(
        std::clamp<int64_t>(wide, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
}

int32_t multiplyByFixedPoint(int32_t x, const FixedPointMultiplier& multiplier) {
    const int left = std::max(-multiplier.rightShift, 0);
    const int right = std::max(multiplier.rightShift, 0);
    return roundingRightShift(roundingDoublingHighMultiply(saturatingLeftShift(x, left), multiplier.mantissa),
                              right);
}

std::string binaryFraction(const FixedPointMultiplier& multiplier) {
    return "0." + groupedBits(static_cast<uint32_t>(multiplier.mantissa), kMantissaBits);
}

std::string binaryText(int32_t value) {
    return groupedBits(static_cast<uint32_t>(value), 32);
}

}  // namespace quantscope
