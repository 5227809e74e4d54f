// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/stored_codes.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "base/parallel_for.h"
#include "quant/formats/grid.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

/// Levels of more bits than this are too close to be drawn.
constexpr int kMostLevelBits = 8;

ValueRange rangeOf(const QuantizeParams& params) {
    const float first = dequantizeValue(params.codeMin, params);
    const float last = dequantizeValue(params.codeMax, params);
    return {std::min(first, last), std::max(first, last)};
}

}  // namespace

int64_t StoredCodes::groupOf(int64_t row, int64_t col) const {
    const int64_t place = position.empty() ? col : position[static_cast<size_t>(col)];
    return layout.rows == 1 ? layout.groupOf(0, row * cols + place) : layout.groupOf(row, place);
}

ValueRange StoredCodes::rangeAt(int64_t row, int64_t col) const {
    const ValueRange range = ranges[static_cast<size_t>(groupOf(row, col))];
    if (divisor.empty()) return range;
    const float by = divisor[static_cast<size_t>(col)];
    return {std::min(range.low / by, range.high / by), std::max(range.low / by, range.high / by)};
}

StoredCodes uniformCodes(const QuantizedTensor& weight, const ActivationTransform& transform) {
    assert(transform.signs.empty());
    const Scheme& scheme = weight.scheme();
    StoredCodes stored;
    stored.meaning = "integer code q";
    stored.layout = weight.layout();
    stored.cols = stored.layout.cols;
    const QuantizeParams any = quantizeParams(scheme, {});
    stored.codeMin = any.codeMin;
    stored.codeMax = any.codeMax;
    stored.divisor = transform.divisor;
    stored.position.resize(transform.permutation.size());
    for (size_t j = 0; j < transform.permutation.size(); ++j)
        stored.position[static_cast<size_t>(transform.permutation[j])] = static_cast<int32_t>(j);
    if (!stored.divisor.empty()) stored.meaning += " of the weight times its input channel's scale";
    stored.offsets.resize(static_cast<size_t>(stored.layout.rows * stored.cols));
    parallelFor(stored.layout.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < stored.cols; ++c) {
                const int64_t place =
                    stored.position.empty() ? c : int64_t{stored.position[static_cast<size_t>(c)]};
                stored.offsets[static_cast<size_t>(r * stored.cols + c)] =
                    static_cast<uint16_t>(weight.code(r, place) - stored.codeMin);
            }
    });
    stored.ranges.reserve(weight.groups().size());
    for (const GroupParams& group : weight.groups())
        stored.ranges.push_back(rangeOf(quantizeParams(scheme, storedParams(group, scheme))));
    if (stored.ranges.empty()) return stored;
    stored.shownGroup = medianRange(stored.ranges);
    if (scheme.bits <= kMostLevelBits)
        for (const double level : gridLevels(weight.groups()[static_cast<size_t>(stored.shownGroup)], scheme))
            stored.levels.push_back(static_cast<float>(level));
    return stored;
}

int64_t medianRange(const std::vector<ValueRange>& ranges) {
    if (ranges.empty()) return 0;
    std::vector<int64_t> order(ranges.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    const auto width = [&](int64_t i) {
        const ValueRange& range = ranges[static_cast<size_t>(i)];
        return range.high - range.low;
    };
    const auto middle = order.begin() + std::ssize(order) / 2;
    std::nth_element(order.begin(), middle, order.end(), [&](int64_t a, int64_t b) {
        return width(a) != width(b) ? width(a) < width(b) : a < b;
    });
    return *middle;
}

}  // namespace quantscope
