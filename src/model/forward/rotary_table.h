// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace quantscope {

/// Cosines and sines of the rotary embedding for positions 0 .. positions - 1:
/// angle(p, i) = p theta^(-2 i / dims), stretched as RopeScaling says. Angles are computed in float, as the
/// models were trained; cosine and sine of them in double, rounded to float.
class RotaryTable {
 public:
    /// `factors` divide the frequencies one by one (GGUF's rope_freqs tensor); empty = none.
    RotaryTable(const ModelConfig& config, std::span<const float> factors, int64_t positions);

    [[nodiscard]] int64_t pairs() const { return m_pairs; }
    [[nodiscard]] int64_t positions() const { return m_positions; }
    [[nodiscard]] const float* cosines(int64_t position) const {
        return m_cosines.data() + position * m_pairs;
    }
    [[nodiscard]] const float* sines(int64_t position) const { return m_sines.data() + position * m_pairs; }

 private:
    int64_t m_pairs;
    int64_t m_positions;
    std::vector<float> m_cosines;
    std::vector<float> m_sines;
};

/// Radians a position for each pair, scaling included.
std::vector<double> rotaryFrequencies(const ModelConfig& config, std::span<const float> factors);

}  // namespace quantscope
