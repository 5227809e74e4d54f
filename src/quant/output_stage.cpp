// SPDX-License-Identifier: Apache-2.0
#include "quant/output_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace quantscope {
namespace {

constexpr int64_t kLow = std::numeric_limits<int32_t>::min();
constexpr int64_t kHigh = std::numeric_limits<int32_t>::max();

/// Z_C + scaled, inside the clamps; the sum may leave int32.
int32_t clamped(int64_t scaled, const OutputStage& stage) {
    return static_cast<int32_t>(
        std::clamp<int64_t>(stage.zeroPoint + scaled, stage.clampMin, stage.clampMax));
}

}  // namespace

double OutputStage::factor(int64_t channel) const {
    return factors[factors.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

const FixedPointMultiplier& OutputStage::multiplier(int64_t channel) const {
    return multipliers[multipliers.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

int32_t OutputStage::withBias(int32_t accumulator, int64_t channel) const {
    if (bias.empty()) return accumulator;
    const int64_t sum = int64_t{accumulator} + bias[static_cast<size_t>(channel)];
    return static_cast<int32_t>(std::clamp(sum, kLow, kHigh));
}

Result<OutputStage> outputStage(float inputScale, std::span<const float> weightScales, float outputScale) {
    OutputStage stage;
    for (size_t channel = 0; channel < weightScales.size(); ++channel) {
        const auto inChannel = [&](Error error) {
            if (weightScales.size() > 1) error.field += fmt::format(" (output channel {})", channel);
            return fail(std::move(error));
        };
        const auto factor = requantizationFactor(inputScale, weightScales[channel], outputScale);
        if (!factor) return inChannel(factor.error());
        const auto multiplier = fixedPointMultiplier(*factor);
        if (!multiplier) return inChannel(multiplier.error());
        stage.factors.push_back(*factor);
        stage.multipliers.push_back(*multiplier);
    }
    return stage;
}

int32_t requantizeFloat(int32_t accumulator, int64_t channel, const OutputStage& stage) {
    const auto factor = static_cast<float>(stage.factor(channel));
    const float scaled = std::nearbyint(static_cast<float>(stage.withBias(accumulator, channel)) * factor);
    // Inside int64 before it becomes one: far beyond any clamp, but a defined conversion.
    return clamped(static_cast<int64_t>(std::clamp(scaled, -1e15F, 1e15F)), stage);
}

int32_t requantizeFixed(int32_t accumulator, int64_t channel, const OutputStage& stage) {
    return clamped(multiplyByFixedPoint(stage.withBias(accumulator, channel), stage.multiplier(channel)),
                   stage);
}

RequantizationComparison compareRequantization(std::span<const int32_t> accumulators, int64_t channels,
                                               const OutputStage& stage) {
    assert(channels > 0 && static_cast<int64_t>(accumulators.size()) % channels == 0);
    RequantizationComparison result;
    result.count = static_cast<int64_t>(accumulators.size());
    result.fixed.reserve(accumulators.size());
    result.floating.reserve(accumulators.size());
    for (int64_t i = 0; i < result.count; ++i) {
        const int64_t channel = i % channels;
        const int32_t accumulator = accumulators[static_cast<size_t>(i)];
        const int32_t fixed = requantizeFixed(accumulator, channel, stage);
        const int32_t floating = requantizeFloat(accumulator, channel, stage);
        const int64_t unclamped =
            int64_t{stage.zeroPoint} +
            multiplyByFixedPoint(stage.withBias(accumulator, channel), stage.multiplier(channel));
        if (unclamped != fixed) ++result.clampedCount;
        if (fixed != floating) {
            if (result.first < 0) result.first = i;
            ++result.different;
            result.largest = std::max(result.largest, std::abs(fixed - floating));
        }
        result.fixed.push_back(fixed);
        result.floating.push_back(floating);
    }
    return result;
}

}  // namespace quantscope
