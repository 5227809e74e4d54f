// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/elementwise_kernels.h"
#include "kernels/reference/tables.h"

// Passes that only look at values: extremes and histograms. See elementwise_groups.h for what V is.

namespace quantscope::elementwise {

template <class V>
Extremes extremes(const float* src, int64_t count) {
    using F = typename V::F;
    F minimum = V::set(__builtin_inff());
    F maximum = V::set(-__builtin_inff());
    typename V::D sum{}, squares{};
    Extremes e;
    for (int64_t i = 0; i < count; i += V::kLanes) {
        const int lanes = count - i < V::kLanes ? static_cast<int>(count - i) : V::kLanes;
        const bool whole = lanes == V::kLanes;
        const F x = whole ? V::load(src + i) : V::loadPart(src + i, lanes);
        typename V::M number = V::isNumber(x);
        if (!whole) number = V::firstLanes(number, lanes);
        const int numbers = V::countTrue(number);
        e.count += numbers;
        e.nanCount += lanes - numbers;
        minimum = V::min(V::select(number, x, minimum), minimum);
        maximum = V::max(V::select(number, x, maximum), maximum);
        const F kept = V::keep(number, x);
        const typename V::M infinite = V::equal(V::abs(kept), V::set(__builtin_inff()));
        if (V::any(infinite)) e.infCount += V::countTrue(infinite);
        const typename V::D wide = V::widen(kept);
        V::addValues(sum, wide);
        V::addProducts(squares, wide, wide);
    }
    if (e.count > 0) {
        e.minimum = V::smallest(minimum);
        e.maximum = V::largest(maximum);
    }
    e.sum = V::sum(sum);
    e.sumOfSquares = V::sum(squares);
    return e;
}

template <class V>
bool minMaxGroups(const float* src, float* minima, float* maxima, int64_t count, int64_t groupSize) {
    using F = typename V::F;
    F check = V::zero();  // x * 0 is 0 for finite x, NaN otherwise
    int64_t group = 0;
    for (int64_t begin = 0; begin < count; begin += groupSize, ++group) {
        const int64_t end = count - begin < groupSize ? count : begin + groupSize;
        F minimum = V::set(__builtin_inff());
        F maximum = V::set(-__builtin_inff());
        int64_t i = begin;
        for (; i + V::kLanes <= end; i += V::kLanes) {
            const F x = V::load(src + i);
            minimum = V::min(x, minimum);  // the second operand where x is NaN
            maximum = V::max(x, maximum);
            check = V::add(check, V::mul(x, V::zero()));
        }
        if (i < end) {
            const int lanes = static_cast<int>(end - i);
            const F x = V::loadPart(src + i, lanes);
            const typename V::M number = V::firstLanes(V::isNumber(x), lanes);
            minimum = V::min(V::select(number, x, minimum), minimum);
            maximum = V::max(V::select(number, x, maximum), maximum);
            check = V::add(check, V::mul(x, V::zero()));
        }
        minima[group] = V::smallest(minimum);
        maxima[group] = V::largest(maximum);
    }
    return V::countTrue(V::isNumber(check)) == V::kLanes;
}

template <class V>
bool minMaxColumns(const float* src, float* minima, float* maxima, int64_t count) {
    using F = typename V::F;
    F check = V::zero();
    int64_t i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) {
        const F x = V::load(src + i);
        V::store(minima + i, V::min(x, V::load(minima + i)));
        V::store(maxima + i, V::max(x, V::load(maxima + i)));
        check = V::add(check, V::mul(x, V::zero()));
    }
    if (i < count) {
        const int lanes = static_cast<int>(count - i);
        const F x = V::loadPart(src + i, lanes);
        V::storePart(minima + i, V::min(x, V::loadPart(minima + i, lanes)), lanes);
        V::storePart(maxima + i, V::max(x, V::loadPart(maxima + i, lanes)), lanes);
        check = V::add(check, V::mul(x, V::zero()));
    }
    return V::countTrue(V::isNumber(check)) == V::kLanes;
}

/// Bins of one vector; NaN goes to bin `bins`, which nobody reads.
template <class V>
typename V::I binVector(typename V::F x, typename V::F low, typename V::F perUnit, typename V::F last,
                        typename V::F nowhere) {
    // max with 0 second: a NaN position (an infinite range) lands in bin 0, as in the reference.
    const typename V::F position = V::min(V::max(V::mul(V::sub(x, low), perUnit), V::zero()), last);
    return V::truncToInt(V::select(V::isNumber(x), position, nowhere));
}

/// Counters for `copies` neighbouring elements lie apart, so that equal bins in a row do not wait for each
/// other; 32 bits each, emptied into `counts` before they can overflow.
template <class V, int copies>
void histogramPart(const float* src, int64_t count, float low, float perUnit, int bins, uint32_t* local,
                   uint64_t* counts) {
    const int row = bins + 1;
    const auto lowVector = V::set(low);
    const auto unitVector = V::set(perUnit);
    const auto last = V::set(static_cast<float>(bins - 1));
    const auto nowhere = V::set(static_cast<float>(bins));
    for (int i = 0; i < row * copies; ++i) local[i] = 0;
    alignas(64) int32_t index[4 * V::kLanes];
    const auto countUp = [&](int lanes) {
        for (int j = 0; j < lanes; ++j) ++local[(j & (copies - 1)) * row + index[j]];
    };
    int64_t i = 0;
    for (; i + 4 * V::kLanes <= count; i += 4 * V::kLanes) {
        for (int v = 0; v < 4; ++v) {
            const auto x = V::load(src + i + v * V::kLanes);
            V::storeInt(index + v * V::kLanes, binVector<V>(x, lowVector, unitVector, last, nowhere));
        }
        countUp(4 * V::kLanes);
    }
    for (; i < count; i += V::kLanes) {
        const int lanes = count - i < V::kLanes ? static_cast<int>(count - i) : V::kLanes;
        const auto x = V::loadPart(src + i, lanes);
        V::storeInt(index, binVector<V>(x, lowVector, unitVector, last, nowhere));
        countUp(lanes);
    }
    for (int bin = 0; bin < bins; ++bin) {
        for (int c = 0; c < copies; ++c) counts[bin] += local[c * row + bin];
    }
}

template <class V>
void histogram(const float* src, int64_t count, float low, float high, int bins, uint64_t* counts) {
    constexpr int kLargest = 4096;
    constexpr int64_t kPart = int64_t{1} << 30;
    uint32_t local[2 * (kLargest + 1)];
    const float perUnit = static_cast<float>(bins) / (high - low);
    for (int64_t i = 0; i < count; i += kPart) {
        const int64_t part = count - i < kPart ? count - i : kPart;
        if (bins <= 512) {
            histogramPart<V, 8>(src + i, part, low, perUnit, bins, local, counts);
        } else if (bins <= kLargest) {
            histogramPart<V, 2>(src + i, part, low, perUnit, bins, local, counts);
        } else {
            kReferenceElementwise.histogram(src + i, part, low, high, bins, counts);
        }
    }
}

}  // namespace quantscope::elementwise
