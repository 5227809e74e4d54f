// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "numerics/instruction_sets.h"
#include "quant/formats/codebooks.h"

namespace quantscope {

/// Runs of values that share a scale, on levels that are no integer grid: element by element what Minifloat
/// and NearestLevel say, the same bits for every instruction set.

/// What values are brought to the levels with: times `factor`, or divided by it.
struct RunScale {
    float factor = 1;
    bool divide = false;
};

/// element.round(value scaled) * after.
void roundRun(std::span<const float> values, const Minifloat& element, RunScale scale, float after,
              float* result, InstructionSet set = bestInstructionSet());

/// The nearest of at most 16 sorted levels.
class FewLevels {
 public:
    explicit FewLevels(std::span<const float> levels);
    /// The level of each value * after.
    void values(std::span<const float> values, RunScale scale, float after, float* result,
                InstructionSet set = bestInstructionSet()) const;
    /// Its index.
    void codes(std::span<const float> values, RunScale scale, uint8_t* result,
               InstructionSet set = bestInstructionSet()) const;

 private:
    std::array<float, 15> m_bounds;
    std::array<float, 16> m_levels;
};

}  // namespace quantscope
