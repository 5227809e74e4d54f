// SPDX-License-Identifier: Apache-2.0
#include "quant/formats/codebooks.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace quantscope {
namespace {

std::vector<float> makeFp4() {
    std::vector<float> levels;
    for (const float magnitude : {12.0F, 8.0F, 6.0F, 4.0F, 3.0F, 2.0F, 0.0625F, 0.0F}) {
        levels.push_back(magnitude / 12);
        if (magnitude != 0) levels.push_back(-magnitude / 12);
    }
    std::sort(levels.begin(), levels.end());
    return levels;
}

/// Midpoints of equal steps in [0.1, 1] in each decade 10^-6 .. 10^0; one decade more has twice the steps.
std::vector<float> makeDynamic() {
    std::vector<float> levels{0.0F, 1.0F};
    constexpr int kDecades = 7;
    for (int decade = 0; decade < kDecades; ++decade) {
        const int steps = 1 << decade;
        // torch.linspace in float32 works from both ends towards the middle.
        const float step = (1.0F - 0.1F) / static_cast<float>(steps);
        const auto boundary = [&](int i) {
            return i < (steps + 1) / 2 ? 0.1F + step * static_cast<float>(i)
                                       : 1.0F - step * static_cast<float>(steps - i);
        };
        for (int i = 0; i < steps; ++i) {
            const float mean = (boundary(i) + boundary(i + 1)) / 2.0F;
            // 10 ** n is a Python float that takes float32 for its product with a tensor.
            const auto scale = static_cast<float>(std::pow(10.0, decade - (kDecades - 1)));
            levels.push_back(scale * mean);
            levels.push_back(-(scale * mean));
        }
    }
    std::sort(levels.begin(), levels.end());
    return levels;
}

}  // namespace

std::span<const float> nf4Levels() {
    static constexpr std::array<float, 16> kLevels{-1.0F,
                                                   -0.6961928009986877F,
                                                   -0.5250730514526367F,
                                                   -0.39491748809814453F,
                                                   -0.28444138169288635F,
                                                   -0.18477343022823334F,
                                                   -0.09105003625154495F,
                                                   0.0F,
                                                   0.07958029955625534F,
                                                   0.16093020141124725F,
                                                   0.24611230194568634F,
                                                   0.33791524171829224F,
                                                   0.44070982933044434F,
                                                   0.5626170039176941F,
                                                   0.7229568362236023F,
                                                   1.0F};
    return kLevels;
}

std::span<const float> fp4Levels() {
    static const std::vector<float> kLevels = makeFp4();
    return kLevels;
}

std::span<const float> dynamicLevels() {
    static const std::vector<float> kLevels = makeDynamic();
    return kLevels;
}

NearestLevel::NearestLevel(std::span<const float> levels) {
    for (size_t i = 1; i < levels.size(); ++i) m_bounds.push_back((levels[i - 1] + levels[i]) / 2);
}

int32_t NearestLevel::operator()(float value) const {
    return static_cast<int32_t>(std::lower_bound(m_bounds.begin(), m_bounds.end(), value) - m_bounds.begin());
}

int Minifloat::largestExponent() const {
    return std::ilogb(largest);
}

float Minifloat::round(float value) const {
    if (std::isnan(value)) return value;
    const float magnitude = std::min(std::abs(value), largest);
    if (magnitude == 0) return std::copysign(0.0F, value);
    // Steps of one unit in the last place, of the smallest normal exponent for subnormals.
    const int exponent = std::max(std::ilogb(magnitude), 1 - bias) - mantissaBits;
    const float steps = std::nearbyint(std::ldexp(magnitude, -exponent));
    return std::copysign(std::min(std::ldexp(steps, exponent), largest), value);
}

}  // namespace quantscope
