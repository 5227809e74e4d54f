// SPDX-License-Identifier: Apache-2.0
#include "model/forward/rotary_table.h"

#include <cmath>
#include <numbers>

namespace quantscope {
namespace {

/// Llama 3.1: long wavelengths are stretched, short ones kept, those between are blended.
double llama3Frequency(double frequency, const ModelConfig& config) {
    const auto original = static_cast<double>(config.ropeOriginalContext);
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / config.ropeHighFactor) return frequency;
    if (wavelength > original / config.ropeLowFactor) return frequency / config.ropeFactor;
    const double smooth =
        (original / wavelength - config.ropeLowFactor) / (config.ropeHighFactor - config.ropeLowFactor);
    return (1 - smooth) * frequency / config.ropeFactor + smooth * frequency;
}

}  // namespace

std::vector<double> rotaryFrequencies(const ModelConfig& config, std::span<const float> factors) {
    std::vector<double> frequencies(static_cast<size_t>(config.rotaryDims / 2));
    for (size_t i = 0; i < frequencies.size(); ++i) {
        const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(config.rotaryDims);
        double frequency = std::pow(config.ropeTheta, -exponent);
        if (config.ropeScaling == RopeScaling::Linear) frequency /= config.ropeFactor;
        if (config.ropeScaling == RopeScaling::Llama3) frequency = llama3Frequency(frequency, config);
        if (i < factors.size() && factors[i] > 0) frequency /= factors[i];
        frequencies[i] = frequency;
    }
    return frequencies;
}

RotaryTable::RotaryTable(const ModelConfig& config, std::span<const float> factors, int64_t positions)
    : m_pairs(config.rotaryDims / 2), m_positions(positions) {
    const std::vector<double> frequencies = rotaryFrequencies(config, factors);
    const auto size = static_cast<size_t>(m_pairs * positions);
    m_cosines.reserve(size);
    m_sines.reserve(size);
    for (int64_t position = 0; position < positions; ++position) {
        for (const double frequency : frequencies) {
            const float angle = static_cast<float>(position) * static_cast<float>(frequency);
            m_cosines.push_back(static_cast<float>(std::cos(static_cast<double>(angle))));
            m_sines.push_back(static_cast<float>(std::sin(static_cast<double>(angle))));
        }
    }
}

}  // namespace quantscope
