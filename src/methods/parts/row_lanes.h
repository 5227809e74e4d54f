// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "methods/parts/code_rounder.h"
#include "numerics/instruction_sets.h"
#include "numerics/linear_algebra.h"

namespace quantscope {

/// `count` columns of `rows` <= kRowLanes rows; lanes without a row become 0.
void toLanes(const float* values, int64_t stride, int64_t rows, int64_t count, float* lanes);
void fromLanes(const float* lanes, int64_t rows, int64_t count, float* values, int64_t stride);

/// A CodeRounder for each lane.
class LaneRounder {
 public:
    void assign(int64_t lane, const QuantizeParams& params);

    /// Codes and their values of one column, as CodeRounder's bit by bit; the element of lane r, which
    /// matters to stochastic rounding alone, is first + r * step.
    void round(const float* column, uint64_t first, uint64_t step, float* codes, float* values,
               InstructionSet set = bestInstructionSet()) const;

    /// What the quick lanes' formula takes, side by side.
    struct Quick {
        float scale[kRowLanes];
        float inside[kRowLanes];   ///< added before the rounding
        float outside[kRowLanes];  ///< added after it
        float zero[kRowLanes];
        float low[kRowLanes];
        float high[kRowLanes];
    };

 private:
    std::array<CodeRounder, kRowLanes> m_rounders;
    Quick m_quick{};
};

}  // namespace quantscope
