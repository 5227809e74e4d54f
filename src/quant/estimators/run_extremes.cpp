// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/run_extremes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/parallel_for.h"

namespace quantscope {
namespace {

constexpr size_t kLanes = 16;
constexpr int32_t kInfinity = 0x7F800000;  ///< as a pattern; NaN are above
using Lanes = std::array<float, kLanes>;

/// The smallest and the largest lane, half against half as vectors go.
[[gnu::always_inline]] inline void merge(Lanes& lows, Lanes& highs) {
    for (size_t left = kLanes / 2; left > 0; left /= 2)
        for (size_t i = 0; i < left; ++i) {
            lows[i] = lows[i + left] < lows[i] ? lows[i + left] : lows[i];
            highs[i] = highs[i + left] > highs[i] ? highs[i + left] : highs[i];
        }
}

/// The same where zeros of both signs are equal: the first lane's.
BlockExtremes firstExtremes(const Lanes& lows, const Lanes& highs) {
    return {*std::min_element(lows.begin(), lows.end()), *std::max_element(highs.begin(), highs.end()), true};
}

[[gnu::always_inline]] inline void addRun(const float* values, int64_t count, BlockExtremes& extremes) {
    Lanes lows, highs;
    lows.fill(extremes.any ? extremes.low : values[0]);
    highs.fill(extremes.any ? extremes.high : values[0]);
    int64_t i = 0;
    for (; i + static_cast<int64_t>(kLanes) <= count; i += static_cast<int64_t>(kLanes))
        for (size_t lane = 0; lane < kLanes; ++lane) {
            const float value = values[i + static_cast<int64_t>(lane)];
            lows[lane] = value < lows[lane] ? value : lows[lane];
            highs[lane] = value > highs[lane] ? value : highs[lane];
        }
    for (; i < count; ++i) {
        lows[0] = values[i] < lows[0] ? values[i] : lows[0];
        highs[0] = values[i] > highs[0] ? values[i] : highs[0];
    }
    Lanes low = lows;
    Lanes high = highs;
    merge(low, high);
    extremes =
        low[0] == 0 || high[0] == 0 ? firstExtremes(lows, highs) : BlockExtremes{low[0], high[0], true};
}

struct Runs {
    [[gnu::always_inline]] static inline void run(const float* row, int64_t count, int64_t run,
                                                  BlockExtremes* extremes) {
        for (int64_t col = 0; col < count; col += run)
            addRun(row + col, count - col < run ? count - col : run, *extremes++);
    }
};

/// Patterns without their sign are in the order of the magnitudes, and whole numbers have a maximum that
/// vectorizes.
struct Magnitudes {
    [[gnu::always_inline]] static inline float run(const float* values, int64_t count) {
        int32_t largest = 0;
        for (int64_t i = 0; i < count; ++i) {
            int32_t pattern = __builtin_bit_cast(int32_t, values[i]) & 0x7FFFFFFF;
            pattern = pattern > kInfinity ? 0 : pattern;
            largest = pattern > largest ? pattern : largest;
        }
        return __builtin_bit_cast(float, largest);
    }
};

/// Rows that one thread takes.
int64_t rowsAtOnce(const MatrixView& matrix) {
    constexpr int64_t kElements = int64_t{1} << 16;
    return std::max<int64_t>(1, kElements / std::max<int64_t>(1, matrix.cols));
}

/// Whether all are finite.
struct FiniteLoop {
    [[gnu::always_inline]] static inline bool run(const float* values, int64_t count) {
        int32_t largest = 0;
        for (int64_t i = 0; i < count; ++i) {
            const int32_t pattern = __builtin_bit_cast(int32_t, values[i]) & 0x7FFFFFFF;
            largest = pattern > largest ? pattern : largest;
        }
        return largest < kInfinity;
    }
};

}  // namespace

void addRuns(const float* row, int64_t count, int64_t run, BlockExtremes* extremes, InstructionSet set) {
    runWith<Runs>(set, row, count, run, extremes);
}

float absMax(const float* values, int64_t count, InstructionSet set) {
    return runWith<Magnitudes>(set, values, count);
}

float absMax(const MatrixView& matrix) {
    return parallelReduce<float>(
        matrix.rows, rowsAtOnce(matrix),
        [&](int64_t begin, int64_t end) {
            float largest = 0;
            for (int64_t r = begin; r < end; ++r)
                largest = std::max(largest, absMax(matrix.row(r), matrix.cols));
            return largest;
        },
        [](float& total, float part) { total = std::max(total, part); });
}

bool allFinite(const float* values, int64_t count, InstructionSet set) {
    return runWith<FiniteLoop>(set, values, count);
}

int64_t firstNonFinite(const MatrixView& matrix) {
    const int64_t after = parallelReduce<int64_t>(
        matrix.rows, rowsAtOnce(matrix),
        [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                if (allFinite(matrix.row(r), matrix.cols)) continue;
                const int64_t col = firstNonFinite(matrix.row(r), matrix.cols);
                if (col >= 0) return r * matrix.cols + col + 1;
            }
            return int64_t{0};
        },
        [](int64_t& total, int64_t part) { total = total == 0 ? part : total; });
    return after - 1;
}

}  // namespace quantscope
