// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "numerics/instruction_sets.h"

namespace quantscope {

/// What HQQ knows of one group while it works.
struct HqqGroup {
    float inverse = 1;  ///< 1 / S, what the peer works with
    float zero = 0;
};

/// The shrinkage of one step: |e| - |e|^(p - 1) / beta where that is above zero, else 0, with e's sign.
class HqqShrinkage {
 public:
    HqqShrinkage(float beta, float norm);
    [[nodiscard]] float operator()(float error) const;
    /// Every |error| up to here becomes 0. With the weights of a language model that is every one in every
    /// step but a few, and no power need be taken. A little below the exact limit; below 0 where unknown.
    [[nodiscard]] float zeroUpTo() const { return m_zeroUpTo; }

 private:
    float m_inverseBeta;
    float m_norm;
    float m_zeroUpTo;
};

/// One step for one group of finite weights: its sum of |error|, and the next zero point. Codes are
/// 0 .. `codes`. The same bits for every set.
double hqqStep(std::span<const float> weights, float codes, const HqqShrinkage& shrinkage, HqqGroup& group,
               InstructionSet set = bestInstructionSet());
/// The group's codes.
void hqqCodes(std::span<const float> weights, float codes, const HqqGroup& group, int32_t* result,
              InstructionSet set = bestInstructionSet());

}  // namespace quantscope
