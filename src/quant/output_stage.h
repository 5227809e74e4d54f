// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "quant/fixed_point.h"

namespace quantscope {

/// What follows an integer product: int32 accumulators [rows x channels] to output codes,
/// q = clamp(Z_C + round(M (acc + bias))), M = S_A S_B / S_C; the real value is S_C (q - Z_C).
struct OutputStage {
    std::vector<double> factors;                    ///< M: one for the tensor, or one an output channel
    std::vector<FixedPointMultiplier> multipliers;  ///< the same in integers
    std::vector<int32_t> bias;                      ///< of each channel, in units of S_A S_B; empty: none
    int32_t zeroPoint = 0;
    int32_t clampMin = -128;  ///< with a fused ReLU: the zero point
    int32_t clampMax = 127;

    [[nodiscard]] double factor(int64_t channel) const;
    [[nodiscard]] const FixedPointMultiplier& multiplier(int64_t channel) const;
    /// acc + bias of the channel, saturating at the ends of int32.
    [[nodiscard]] int32_t withBias(int32_t accumulator, int64_t channel) const;
};

/// M of each channel from the scales; weightScales: one, or one an output channel. Bias, zero point and
/// clamps are left to the caller. Errors: as requantizationFactor and fixedPointMultiplier, with the channel.
Result<OutputStage> outputStage(float inputScale, std::span<const float> weightScales, float outputScale);

/// By a float multiplication: clamp(Z_C + nearest-even(float(acc + bias) * float(M))), as FBGEMM does.
int32_t requantizeFloat(int32_t accumulator, int64_t channel, const OutputStage& stage);

/// In integers alone: clamp(Z_C + multiplyByFixedPoint(acc + bias)), as gemmlowp and TFLite do.
int32_t requantizeFixed(int32_t accumulator, int64_t channel, const OutputStage& stage);

/// The two paths against each other, element by element.
struct RequantizationComparison {
    int64_t count = 0;
    int64_t different = 0;
    int32_t largest = 0;         ///< |difference| in codes
    int64_t first = -1;          ///< index of the first element that differs
    int64_t clampedCount = 0;    ///< of the integer path
    std::vector<int32_t> fixed;  ///< codes of both, row-major
    std::vector<int32_t> floating;
};
/// `accumulators`: row-major, `channels` > 0 columns.
RequantizationComparison compareRequantization(std::span<const int32_t> accumulators, int64_t channels,
                                               const OutputStage& stage);

}  // namespace quantscope
