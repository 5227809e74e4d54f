// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/level_codes.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "base/parallel_for.h"
#include "quant/estimators/run_extremes.h"

namespace quantscope {
namespace {

constexpr int64_t kGrainRows = 16;

StoredCodes emptyCodes(const MatrixView& values, const GroupLayout& layout, std::string meaning) {
    StoredCodes stored;
    stored.meaning = std::move(meaning);
    stored.cols = values.cols;
    stored.layout = layout;
    stored.offsets.resize(static_cast<size_t>(values.size()));
    return stored;
}

/// Place of the level nearest to `value`; values are levels up to float rounding.
size_t nearest(std::span<const float> levels, float value) {
    const auto above = std::lower_bound(levels.begin(), levels.end(), value);
    if (above == levels.begin()) return 0;
    if (above == levels.end()) return levels.size() - 1;
    const auto below = above - 1;
    return static_cast<size_t>((value - *below < *above - value ? below : above) - levels.begin());
}

/// The different values of a codebook's rows, increasing.
std::vector<float> valuesInUse(std::span<const float> values) {
    std::vector<float> used(values.begin(), values.end());
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    return used;
}

}  // namespace

StoredCodes levelCodes(const MatrixView& values, const GroupLayout& layout, std::span<const float> scales,
                       std::span<const float> levels, std::string meaning) {
    assert(std::ssize(scales) == layout.groupCount() && !levels.empty());
    StoredCodes stored = emptyCodes(values, layout, std::move(meaning));
    stored.codeMax = static_cast<int32_t>(levels.size()) - 1;
    for (const float scale : scales) {
        const float a = levels.front() * scale;
        const float b = levels.back() * scale;
        stored.ranges.push_back({std::min(a, b), std::max(a, b)});
    }
    parallelFor(values.rows, kGrainRows, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < values.cols; ++c) {
                const float scale = scales[static_cast<size_t>(stored.groupOf(r, c))];
                stored.offsets[static_cast<size_t>(r * values.cols + c)] =
                    static_cast<uint16_t>(nearest(levels, scale == 0 ? 0 : values.at(r, c) / scale));
            }
    });
    if (stored.ranges.empty()) return stored;
    stored.shownGroup = medianRange(stored.ranges);
    for (const float level : levels)
        stored.levels.push_back(level * scales[static_cast<size_t>(stored.shownGroup)]);
    std::sort(stored.levels.begin(), stored.levels.end());
    return stored;
}

StoredCodes codebookCodes(const MatrixView& values, bool oneCodebook, int codes) {
    const int64_t rowsOfBook = oneCodebook ? std::max<int64_t>(1, values.rows) : 1;
    const GroupLayout layout{values.rows, values.cols, rowsOfBook, std::max<int64_t>(1, values.cols)};
    StoredCodes stored = emptyCodes(
        values, layout,
        oneCodebook ? "place in the codebook, counted from the smallest value in use"
                    : "place in the output channel's codebook, counted from the smallest value in use");
    stored.codeMax = codes - 1;
    const int64_t books = layout.groupCount();
    std::vector<std::vector<float>> levels(static_cast<size_t>(books));
    stored.ranges.resize(static_cast<size_t>(books));
    parallelFor(books, 1, [&](int64_t begin, int64_t end) {
        for (int64_t book = begin; book < end; ++book) {
            const auto first = static_cast<size_t>(book * rowsOfBook * values.cols);
            const auto count = static_cast<size_t>(rowsOfBook * values.cols);
            const std::span<const float> own(values.row(book * rowsOfBook), count);
            std::vector<float>& used = levels[static_cast<size_t>(book)];
            used = valuesInUse(own);
            for (size_t i = 0; i < count; ++i)
                stored.offsets[first + i] = static_cast<uint16_t>(nearest(used, own[i]));
            stored.ranges[static_cast<size_t>(book)] = {used.front(), used.back()};
        }
    });
    if (books == 0) return stored;
    stored.shownGroup = medianRange(stored.ranges);
    stored.levels = std::move(levels[static_cast<size_t>(stored.shownGroup)]);
    return stored;
}

std::vector<float> minifloatLevels(const Minifloat& element) {
    std::vector<float> levels{0};
    for (int exponent = 1 - element.bias; exponent <= element.largestExponent(); ++exponent) {
        const int steps = 1 << element.mantissaBits;
        // Below the smallest normal exponent the same steps reach down to 0.
        for (int step = exponent == 1 - element.bias ? 1 - steps : 0; step < steps; ++step) {
            const float level = std::ldexp(static_cast<float>(steps + step), exponent - element.mantissaBits);
            if (level > element.largest) break;
            levels.push_back(level);
            levels.push_back(-level);
        }
    }
    std::sort(levels.begin(), levels.end());
    return levels;
}

std::vector<float> groupScales(const MatrixView& weight, const GroupLayout& layout,
                               const std::function<float(float absmax)>& scaleOf) {
    std::vector<float> scales(static_cast<size_t>(layout.groupCount()), 0);
    for (int64_t r = 0; r < weight.rows; ++r)
        for (int64_t c = 0; c < weight.cols; c += layout.blockCols) {
            float& largest = scales[static_cast<size_t>(layout.groupOf(r, c))];
            const int64_t count = std::min(layout.blockCols, weight.cols - c);
            largest = std::max(largest, absMax(weight.row(r) + c, count));
        }
    for (float& scale : scales) scale = scaleOf(scale);
    return scales;
}

CodesAnswer minifloatAnswer(const MatrixView& values, const GroupLayout& layout,
                            std::span<const float> scales, const Minifloat& element,
                            const std::string& format) {
    return {
        std::make_shared<const StoredCodes>(levelCodes(values, layout, scales, minifloatLevels(element),
                                                       "value of " + format + ", counted from the smallest")),
        {}};
}

}  // namespace quantscope
