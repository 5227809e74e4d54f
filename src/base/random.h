// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace quantscope {

/// Counter-based random numbers: the n-th number of a stream is a pure function of (seed, stream, n), so
/// results do not depend on the order or the number of threads that draw them. The mixer is SplitMix64's
/// finalizer (Steele, Lea and Flood, OOPSLA 2014), applied twice.
class CounterRandom {
 public:
    constexpr explicit CounterRandom(uint64_t seed, uint64_t stream = 0)
        : m_key(mix(seed + kGolden) ^ mix(mix(stream + kGolden) + kGolden)) {}

    /// 64 uniform bits.
    [[nodiscard]] constexpr uint64_t bits(uint64_t n) const { return mix(m_key + kGolden * (mix(n) | 1)); }

    /// Uniform in [0, 1), 53 bits.
    [[nodiscard]] constexpr double uniform(uint64_t n) const {
        return static_cast<double>(bits(n) >> 11) * 0x1.0p-53;
    }

    /// Standard normal (Box and Muller), one number for each n.
    [[nodiscard]] double normal(uint64_t n) const {
        const double u = 1.0 - uniform(2 * n);
        return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * uniform(2 * n + 1));
    }

 private:
    static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

    static constexpr uint64_t mix(uint64_t x) {
        x ^= x >> 30;
        x *= 0xBF58476D1CE4E5B9ULL;
        x ^= x >> 27;
        x *= 0x94D049BB133111EBULL;
        return x ^ (x >> 31);
    }

    uint64_t m_key;
};

}  // namespace quantscope
