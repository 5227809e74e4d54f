// SPDX-License-Identifier: Apache-2.0
#include "quant/blocks/block_pass.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace quantscope {

void BlockExtremes::add(const float* values, int64_t count) {
    if (count <= 0) return;
    // Independent lanes, so that the compiler can use vector minimum and maximum.
    constexpr int64_t kLanes = 16;
    std::array<float, kLanes> lows;
    std::array<float, kLanes> highs;
    lows.fill(any ? low : values[0]);
    highs.fill(any ? high : values[0]);
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
            const float value = values[i + static_cast<int64_t>(lane)];
            lows[lane] = value < lows[lane] ? value : lows[lane];
            highs[lane] = value > highs[lane] ? value : highs[lane];
        }
    }
    for (; i < count; ++i) {
        lows[0] = std::min(lows[0], values[i]);
        highs[0] = std::max(highs[0], values[i]);
    }
    low = *std::min_element(lows.begin(), lows.end());
    high = *std::max_element(highs.begin(), highs.end());
    any = true;
}

void BlockExtremes::merge(const BlockExtremes& other) {
    if (!other.any) return;
    low = any ? std::min(low, other.low) : other.low;
    high = any ? std::max(high, other.high) : other.high;
    any = true;
}

bool firstExtremeIsNegative(const MatrixView& block, float magnitude) {
    for (int64_t r = 0; r < block.rows; ++r) {
        const float* row = block.row(r);
        for (int64_t c = 0; c < block.cols; ++c)
            if (std::abs(row[c]) == magnitude) return row[c] < 0;
    }
    return false;
}

std::vector<float> blockValues(const MatrixView& block, int64_t limit) {
    const int64_t total = block.size();
    std::vector<float> values;
    if (total <= limit) {
        values.reserve(static_cast<size_t>(total));
        for (int64_t r = 0; r < block.rows; ++r)
            values.insert(values.end(), block.row(r), block.row(r) + block.cols);
        return values;
    }
    values.reserve(static_cast<size_t>(limit));
    for (int64_t i = 0; i < limit; ++i) {
        const auto index = static_cast<int64_t>(static_cast<double>(i) * static_cast<double>(total) /
                                                static_cast<double>(limit));
        values.push_back(block.at(index / block.cols, index % block.cols));
    }
    return values;
}

int64_t firstNonFinite(const float* values, int64_t count) {
    constexpr int64_t kChunk = 4096;
    for (int64_t begin = 0; begin < count; begin += kChunk) {
        const int64_t end = std::min(count, begin + kChunk);
        // x * 0 is 0 for finite x and NaN otherwise; a sum of them is NaN if any is.
        std::array<float, 16> sums{};
        int64_t i = begin;
        for (; i + 16 <= end; i += 16)
            for (size_t lane = 0; lane < 16; ++lane)
                sums[lane] += values[i + static_cast<int64_t>(lane)] * 0.0F;
        float sum = 0;
        for (; i < end; ++i) sum += values[i] * 0.0F;
        for (const float lane : sums) sum += lane;
        if (!std::isnan(sum)) continue;
        for (int64_t j = begin; j < end; ++j)
            if (!std::isfinite(values[j])) return j;
    }
    return -1;
}

}  // namespace quantscope
