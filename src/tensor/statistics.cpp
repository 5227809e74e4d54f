// SPDX-License-Identifier: Apache-2.0
#include "tensor/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/reduce_elements.h"

namespace quantscope {

namespace {

constexpr size_t kBlock = 2048;  // stays in the first-level cache for the second look
constexpr size_t kLanes = 8;     // independent sums, so that the compiler may use vectors

using Lanes = std::array<double, kLanes>;

double sumOf(const Lanes& lanes) {
    double total = 0;
    for (const double lane : lanes) total += lane;
    return total;
}

double meanOfFinite(std::span<const float> values) {
    Lanes sum{};
    size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (size_t lane = 0; lane < kLanes; ++lane) sum[lane] += static_cast<double>(values[i + lane]);
    for (; i < values.size(); ++i) sum[0] += static_cast<double>(values[i]);
    return sumOf(sum) / static_cast<double>(values.size());
}

void addPowers(std::span<const float> values, Moments& block) {
    Lanes two{}, three{}, four{};
    const auto add = [&](float value, size_t lane) {
        const double d = static_cast<double>(value) - block.mean;
        const double square = d * d;
        two[lane] += square;
        three[lane] += square * d;
        four[lane] += square * square;
    };
    size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (size_t lane = 0; lane < kLanes; ++lane) add(values[i + lane], lane);
    for (; i < values.size(); ++i) add(values[i], 0);
    block.m2 = sumOf(two);
    block.m3 = sumOf(three);
    block.m4 = sumOf(four);
}

Moments momentsOfFiniteBlock(std::span<const float> values) {
    Moments block;
    block.count = static_cast<int64_t>(values.size());
    if (values.empty()) return block;
    std::array<float, kLanes> low, high;
    low.fill(values[0]);
    high.fill(values[0]);
    std::array<int32_t, kLanes> zeros{};
    size_t i = 0;
    const auto look = [&](float value, size_t lane) {
        low[lane] = value < low[lane] ? value : low[lane];
        high[lane] = value > high[lane] ? value : high[lane];
        zeros[lane] += value == 0.0F ? 1 : 0;
    };
    for (; i + kLanes <= values.size(); i += kLanes)
        for (size_t lane = 0; lane < kLanes; ++lane) look(values[i + lane], lane);
    for (; i < values.size(); ++i) look(values[i], 0);
    block.minimum = *std::min_element(low.begin(), low.end());
    block.maximum = *std::max_element(high.begin(), high.end());
    for (const int32_t lane : zeros) block.zeroCount += lane;
    block.mean = meanOfFinite(values);
    addPowers(values, block);
    return block;
}

bool allFinite(std::span<const float> values) {
    // x - x is 0 for numbers and NaN for NaN and infinities, and NaN survives the sum.
    std::array<float, kLanes> sum{};
    size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (size_t lane = 0; lane < kLanes; ++lane) sum[lane] += values[i + lane] - values[i + lane];
    for (; i < values.size(); ++i) sum[0] += values[i] - values[i];
    return std::all_of(sum.begin(), sum.end(), [](float lane) { return lane == 0.0F; });
}

Moments momentsOfBlock(std::span<const float> values) {
    if (allFinite(values)) return momentsOfFiniteBlock(values);
    std::array<float, kBlock> finite;
    size_t count = 0;
    Moments others;
    for (const float value : values) {
        if (std::isnan(value))
            ++others.nanCount;
        else if (std::isinf(value))
            ++others.infCount;
        else
            finite[count++] = value;
    }
    others.merge(momentsOfFiniteBlock(std::span<const float>(finite.data(), count)));
    return others;
}

}  // namespace

void Moments::merge(const Moments& other) {
    nanCount += other.nanCount;
    infCount += other.infCount;
    if (other.count == 0) return;
    if (count == 0) {
        const int64_t nans = nanCount;
        const int64_t infinities = infCount;
        *this = other;
        nanCount = nans;
        infCount = infinities;
        return;
    }
    const double a = static_cast<double>(count);
    const double b = static_cast<double>(other.count);
    const double n = a + b;
    const double delta = other.mean - mean;
    const double step = delta / n;
    m4 += other.m4 + delta * step * step * step * a * b * (a * a - a * b + b * b) +
          6 * step * step * (a * a * other.m2 + b * b * m2) + 4 * step * (a * other.m3 - b * m3);
    m3 += other.m3 + delta * step * step * a * b * (a - b) + 3 * step * (a * other.m2 - b * m2);
    m2 += other.m2 + delta * step * a * b;
    mean += step * b;
    count += other.count;
    zeroCount += other.zeroCount;
    minimum = std::min(minimum, other.minimum);
    maximum = std::max(maximum, other.maximum);
}

float Moments::absMax() const {
    return std::max(std::abs(minimum), std::abs(maximum));
}

double Moments::variance() const {
    return count == 0 ? 0 : m2 / static_cast<double>(count);
}

double Moments::standardDeviation() const {
    return std::sqrt(variance());
}

double Moments::skewness() const {
    const double v = variance();
    return v > 0 ? m3 / static_cast<double>(count) / (v * std::sqrt(v)) : 0;
}

double Moments::kurtosis() const {
    const double v = variance();
    return v > 0 ? m4 / static_cast<double>(count) / (v * v) : 0;
}

Moments momentsOf(std::span<const float> values) {
    Moments total;
    for (size_t begin = 0; begin < values.size(); begin += kBlock)
        total.merge(momentsOfBlock(values.subspan(begin, std::min(kBlock, values.size() - begin))));
    return total;
}

Result<Moments> momentsOf(const MatrixView& matrix, const Job& job) {
    return reduceElements<Moments>(
        matrix, job, "statistics",
        [](Moments& part, std::span<const float> values, int64_t) { part.merge(momentsOf(values)); });
}

}  // namespace quantscope
