// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/sorted_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace quantscope {

namespace {

/// Floats in the order of unsigned integers: negative numbers complemented, positive ones above them.
uint32_t orderedKey(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

float valueOfKey(uint32_t key) {
    return std::bit_cast<float>((key & 0x80000000U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

/// Radix sort, least significant digit first, three digits of 11, 11 and 10 bits: linear, about 5 ms for a
/// million values where a comparison sort takes 70.
void sortKeys(std::vector<uint32_t>& keys) {
    constexpr int kDigits = 3;
    constexpr size_t kBuckets = 2048;
    std::array<std::array<uint32_t, kBuckets>, kDigits> counts{};
    for (const uint32_t key : keys)
        for (size_t digit = 0; digit < kDigits; ++digit)
            ++counts[digit][(key >> (11 * digit)) & (kBuckets - 1)];
    std::vector<uint32_t> other(keys.size());
    for (size_t digit = 0; digit < kDigits; ++digit) {
        uint32_t start = 0;
        for (uint32_t& count : counts[digit]) start += std::exchange(count, start);
        for (const uint32_t key : keys) other[counts[digit][(key >> (11 * digit)) & (kBuckets - 1)]++] = key;
        keys.swap(other);
    }
}

void appendFinite(std::vector<uint32_t>& keys, const MatrixView& matrix, float below) {
    keys.reserve(static_cast<size_t>(matrix.size()));
    for (int64_t row = 0; row < matrix.rows; ++row) {
        const float* const values = matrix.row(row);
        for (int64_t col = 0; col < matrix.cols; ++col)
            if (std::abs(values[col]) < below) keys.push_back(orderedKey(values[col]));
    }
}

/// First index in [from, end) whose value is >= boundary (or > boundary).
int64_t firstAtLeast(std::span<const float> values, int64_t from, double boundary) {
    const auto found =
        std::lower_bound(values.begin() + from, values.end(), boundary,
                         [](float value, double limit) { return static_cast<double>(value) < limit; });
    return found - values.begin();
}

int64_t firstAbove(std::span<const float> values, int64_t from, double boundary) {
    const auto found =
        std::upper_bound(values.begin() + from, values.end(), boundary,
                         [](double limit, float value) { return limit < static_cast<double>(value); });
    return found - values.begin();
}

/// The nearest modes, and which way the others go between two levels.
enum class Direction { Nearest, Down, Up, Either };

Direction directionOf(Rounding rounding, double low, double pivot) {
    switch (rounding) {
        case Rounding::Floor:
            return Direction::Down;
        case Rounding::Ceil:
            return Direction::Up;
        case Rounding::TowardZero:
            return low >= pivot ? Direction::Down : Direction::Up;
        case Rounding::Stochastic:
            return Direction::Either;
        case Rounding::HalfEven:
        case Rounding::HalfAway:
        case Rounding::HalfUp:
            break;
    }
    return Direction::Nearest;
}

}  // namespace

Result<SortedValues> SortedValues::of(const MatrixView& matrix, const MatrixExtremes& extremes,
                                      int64_t maxValues, const Job& job) {
    const MatrixSample sample = sampleMatrix(matrix, SampleOptions{maxValues, 1, 1});
    SortedValues result;
    result.m_exact = sample.complete;
    // In a sample the largest magnitudes are taken from `extremes` instead, each once.
    const bool separateTop = !sample.complete && !extremes.top.empty();
    const float below =
        separateTop ? std::abs(extremes.top.back().value) : std::numeric_limits<float>::infinity();
    std::vector<uint32_t> keys;
    appendFinite(keys, sample.view, below);
    if (!job.proceed(0.3, "sorting")) return fail(ErrorKind::Cancelled, "stopped");
    const size_t sampled = keys.size();
    std::vector<uint32_t> top;
    if (separateTop)
        for (const LocatedValue& value : extremes.top) top.push_back(orderedKey(value.value));
    // Values as large as the smallest of the top, but not among them, are counted with the sampled ones.
    const double population = static_cast<double>(matrix.size()) - static_cast<double>(top.size());
    const double weight = sample.complete || sampled == 0 ? 1 : population / static_cast<double>(sampled);
    keys.insert(keys.end(), top.begin(), top.end());
    sortKeys(keys);
    if (!job.proceed(0.7, "sorting")) return fail(ErrorKind::Cancelled, "stopped");
    result.m_values.resize(keys.size());
    result.m_prefix.resize(keys.size() + 1);
    Sums sums;
    for (size_t i = 0; i < keys.size(); ++i) {
        const float value = valueOfKey(keys[i]);
        const double w = separateTop && std::abs(value) >= below ? 1 : weight;
        const auto x = static_cast<double>(value);
        sums = {sums.weight + w, sums.x + w * x, sums.xx + w * x * x};
        result.m_values[i] = value;
        result.m_prefix[i + 1] = sums;
    }
    return result;
}

double SortedValues::populationCount() const {
    return m_prefix.empty() ? 0 : m_prefix.back().weight;
}

float SortedValues::minimum() const {
    return m_values.empty() ? 0 : m_values.front();
}

float SortedValues::maximum() const {
    return m_values.empty() ? 0 : m_values.back();
}

float SortedValues::absMax() const {
    return std::max(std::abs(minimum()), std::abs(maximum()));
}

SortedValues::Sums SortedValues::between(int64_t begin, int64_t end) const {
    const Sums& a = m_prefix[static_cast<size_t>(begin)];
    const Sums& b = m_prefix[static_cast<size_t>(end)];
    return {b.weight - a.weight, b.x - a.x, b.xx - a.xx};
}

float SortedValues::at(double position) const {
    const auto found = std::upper_bound(m_prefix.begin() + 1, m_prefix.end(), position,
                                        [](double limit, const Sums& sums) { return limit < sums.weight; });
    return m_values[std::min(m_values.size() - 1, static_cast<size_t>(found - m_prefix.begin() - 1))];
}

double SortedValues::percentile(double percent) const {
    if (m_values.empty()) return 0;
    const double position = std::clamp(percent, 0.0, 100.0) / 100 * (populationCount() - 1);
    const double whole = std::floor(position);
    const auto low = static_cast<double>(at(whole));
    const auto high = static_cast<double>(at(whole + 1));
    return low + (high - low) * (position - whole);
}

double SortedValues::addLevel(ErrorSplit& split, int64_t begin, int64_t end, double level) const {
    if (begin >= end) return 0;
    const Sums sums = between(begin, end);
    split.dotProduct += level * sums.x;
    split.outputSse += level * level * sums.weight;
    // Prefix sums cancel: an error of exactly zero may come out slightly negative.
    return std::max(0.0, sums.xx - 2 * level * sums.x + level * level * sums.weight);
}

double SortedValues::addRandomCell(ErrorSplit& split, int64_t begin, int64_t end, double low,
                                   double high) const {
    if (begin >= end) return 0;
    const Sums sums = between(begin, end);
    // E[r^] = r and E[(r - r^)^2] = (r - low)(high - r), hence E[r r^] = r^2 and E[r^^2] = r^2 + that.
    const double variance = std::max(0.0, (low + high) * sums.x - sums.xx - low * high * sums.weight);
    split.dotProduct += sums.xx;
    split.outputSse += sums.xx + variance;
    return variance;
}

ErrorSplit SortedValues::errorOn(std::span<const float> levels, Rounding rounding,
                                 double towardZeroPivot) const {
    assert(!levels.empty());
    ErrorSplit split;
    if (m_values.empty()) return split;
    const auto lowest = static_cast<double>(levels.front());
    const auto highest = static_cast<double>(levels.back());
    const int64_t begin = firstAtLeast(m_values, 0, lowest);
    const int64_t end = firstAbove(m_values, begin, highest);
    split.clippingSse = addLevel(split, 0, begin, lowest) + addLevel(split, end, size(), highest);
    int64_t from = begin;
    for (size_t k = 0; k + 1 < levels.size() && from < end; ++k) {
        const auto low = static_cast<double>(levels[k]);
        const auto high = static_cast<double>(levels[k + 1]);
        const int64_t next = firstAtLeast(m_values, from, high);
        const Direction direction = directionOf(rounding, low, towardZeroPivot);
        if (direction == Direction::Either) {
            split.roundingSse += addRandomCell(split, from, next, low, high);
        } else {
            const int64_t middle = direction == Direction::Down ? next
                                   : direction == Direction::Up
                                       ? firstAbove(m_values, from, low)
                                       : firstAtLeast(m_values, from, (low + high) / 2);
            split.roundingSse += addLevel(split, from, middle, low) + addLevel(split, middle, next, high);
        }
        from = next;
    }
    split.roundingSse += addLevel(split, from, end, highest);
    const Sums all = between(0, size());
    split.count = std::llround(all.weight);
    split.clippedCount = std::llround(between(0, begin).weight + between(end, size()).weight);
    split.signalSse = all.xx;
    return split;
}

std::vector<float> SortedValues::resampled(int64_t count) const {
    if (size() <= count) return m_values;
    std::vector<float> values(static_cast<size_t>(count));
    const double step = populationCount() / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i)
        values[static_cast<size_t>(i)] = at((static_cast<double>(i) + 0.5) * step);
    values.front() = minimum();
    values.back() = maximum();
    return values;
}

}  // namespace quantscope
