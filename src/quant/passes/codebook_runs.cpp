// SPDX-License-Identifier: Apache-2.0
#include "quant/passes/codebook_runs.h"

#include <cassert>
#include <limits>

namespace quantscope {
namespace {

constexpr int kFloatMantissa = 23;
constexpr int kFloatBias = 127;

template <bool kDivide>
[[gnu::always_inline]] inline float scaled(float value, float factor) {
    return kDivide ? value / factor : value * factor;
}

/// A minifloat's fields as those of a float.
struct Rounding32 {
    float largest;
    int32_t smallestExponent;  ///< of normal numbers, with the float's bias
    int32_t unitToMagic;

    explicit Rounding32(const Minifloat& element)
        : largest(element.largest),
          smallestExponent(kFloatBias + 1 - element.bias),
          unitToMagic(kFloatMantissa - element.mantissaBits) {}

    /// Adding 1.5 * 2^23 units of the last place and taking them away again rounds to whole units, ties to
    /// even.
    [[gnu::always_inline]] inline float operator()(float value) const {
        constexpr int32_t kSign = std::numeric_limits<int32_t>::min();
        constexpr int32_t kHalf = 1 << (kFloatMantissa - 1);
        const auto pattern = __builtin_bit_cast(int32_t, value);
        const auto size = __builtin_bit_cast(float, pattern & ~kSign);
        const float magnitude = size < largest ? size : largest;
        int32_t exponent = __builtin_bit_cast(int32_t, magnitude) >> kFloatMantissa;
        exponent = exponent < smallestExponent ? smallestExponent : exponent;
        const auto magic = __builtin_bit_cast(float, ((exponent + unitToMagic) << kFloatMantissa) | kHalf);
        const float whole = (magnitude + magic) - magic;
        const float rounded = whole < largest ? whole : largest;
        const auto result =
            __builtin_bit_cast(float, __builtin_bit_cast(int32_t, rounded) | (pattern & kSign));
        return value == value ? result : value;
    }
};

template <bool kDivide>
struct RoundLoop {
    [[gnu::always_inline]] static inline void run(std::span<const float> values, Rounding32 round,
                                                  float factor, float after, float* result) {
        for (size_t i = 0; i < values.size(); ++i)
            result[i] = round(scaled<kDivide>(values[i], factor)) * after;
    }
};

using Bounds = std::array<float, 15>;
using Levels = std::array<float, 16>;

/// As many comparisons as there are bounds: without a branch or a look-up a whole vector at a time.
template <bool kDivide>
struct LevelLoop {
    [[gnu::always_inline]] static inline void run(std::span<const float> values, Bounds bounds, Levels levels,
                                                  float factor, float after, float* result) {
        for (size_t i = 0; i < values.size(); ++i) {
            const float value = scaled<kDivide>(values[i], factor);
            float level = levels[0];
#pragma GCC unroll 15
            for (size_t k = 0; k < bounds.size(); ++k) level = bounds[k] < value ? levels[k + 1] : level;
            result[i] = level * after;
        }
    }
};

template <bool kDivide>
struct CodeLoop {
    [[gnu::always_inline]] static inline void run(std::span<const float> values, Bounds bounds, float factor,
                                                  uint8_t* result) {
        for (size_t i = 0; i < values.size(); ++i) {
            const float value = scaled<kDivide>(values[i], factor);
            int32_t code = 0;
#pragma GCC unroll 15
            for (size_t k = 0; k < bounds.size(); ++k) code += bounds[k] < value ? 1 : 0;
            result[i] = static_cast<uint8_t>(code);
        }
    }
};

}  // namespace

void roundRun(std::span<const float> values, const Minifloat& element, RunScale scale, float after,
              float* result, InstructionSet set) {
    const Rounding32 round(element);
    if (scale.divide)
        runWith<RoundLoop<true>>(set, values, round, scale.factor, after, result);
    else
        runWith<RoundLoop<false>>(set, values, round, scale.factor, after, result);
}

FewLevels::FewLevels(std::span<const float> levels) {
    assert(!levels.empty() && levels.size() <= m_levels.size());
    m_bounds.fill(std::numeric_limits<float>::infinity());  // above every value
    m_levels.fill(levels.back());
    for (size_t i = 0; i < levels.size(); ++i) m_levels[i] = levels[i];
    for (size_t i = 1; i < levels.size(); ++i) m_bounds[i - 1] = (levels[i - 1] + levels[i]) / 2;
}

void FewLevels::values(std::span<const float> values, RunScale scale, float after, float* result,
                       InstructionSet set) const {
    if (scale.divide)
        runWith<LevelLoop<true>>(set, values, m_bounds, m_levels, scale.factor, after, result);
    else
        runWith<LevelLoop<false>>(set, values, m_bounds, m_levels, scale.factor, after, result);
}

void FewLevels::codes(std::span<const float> values, RunScale scale, uint8_t* result,
                      InstructionSet set) const {
    if (scale.divide)
        runWith<CodeLoop<true>>(set, values, m_bounds, scale.factor, result);
    else
        runWith<CodeLoop<false>>(set, values, m_bounds, scale.factor, result);
}

}  // namespace quantscope
