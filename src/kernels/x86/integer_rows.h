// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/integer_kernels.h"

namespace quantscope::integer {

/// Passes over rows of codes and of floats about to become codes. V offers kBytes codes at once (I) and
/// kLanes floats (F).
template <class V>
struct Rows {
    using I = typename V::I;
    using F = typename V::F;

    static int32_t shiftCodes(const uint8_t* src, uint8_t* dst, int64_t count) {
        I sums = V::zero();
        int64_t i = 0;
        for (; i + V::kBytes <= count; i += V::kBytes) {
            const I codes = V::flipSigns(V::loadCodes(src + i));
            V::storeCodes(dst + i, codes);
            sums = V::addByteSums(sums, codes);
        }
        int32_t sum = V::sumOfPairs(sums);
        for (; i < count; ++i) {
            dst[i] = src[i] ^ 0x80U;
            sum += dst[i];
        }
        return sum;
    }

    static int32_t sumCodes(const uint8_t* src, int64_t count) {
        I sums = V::zero();
        int64_t i = 0;
        for (; i + V::kBytes <= count; i += V::kBytes) sums = V::addByteSums(sums, V::loadCodes(src + i));
        int32_t sum = V::sumOfPairs(sums);
        for (; i < count; ++i) sum += src[i];
        return sum;
    }

    static RowRange rowRange(const float* src, int64_t count) {
        F low = V::zeroFloats();
        F high = V::zeroFloats();
        I magnitude = V::zero();
        const auto take = [&](F x) {
            low = V::minFloats(low, x);
            high = V::maxFloats(high, x);
            magnitude = V::maxInts(magnitude, V::absoluteBits(x));
        };
        int64_t i = 0;
        for (; i + V::kLanes <= count; i += V::kLanes) take(V::loadFloats(src + i, V::lanesMask(V::kLanes)));
        if (i < count) take(V::loadFloats(src + i, V::lanesMask(static_cast<int>(count - i))));
        constexpr int32_t kInfinity = 0x7F800000;
        return {V::smallest(low), V::largest(high), !V::anyAtLeast(magnitude, kInfinity)};
    }

    static void encodeRow(const float* src, uint8_t* dst, int64_t count, float inverseScale, int32_t zero,
                          int32_t low, int32_t high) {
        const F factor = V::setFloats(inverseScale);
        const F bound = V::setFloats(65536.0F);
        const F lowerBound = V::setFloats(-65536.0F);
        const I offset = V::set(zero);
        const I lowest = V::set(low);
        const I highest = V::set(high);
        const auto encode = [&](F x) {
            const F scaled = V::maxFloats(V::minFloats(V::mulFloats(x, factor), bound), lowerBound);
            return V::minInts(V::maxInts(V::add(V::toNearest(scaled), offset), lowest), highest);
        };
        int64_t i = 0;
        for (; i + V::kLanes <= count; i += V::kLanes) {
            V::storeLowBytes(dst + i, encode(V::loadFloats(src + i, V::lanesMask(V::kLanes))));
        }
        if (i == count) return;
        uint8_t last[V::kLanes];
        V::storeLowBytes(last, encode(V::loadFloats(src + i, V::lanesMask(static_cast<int>(count - i)))));
        for (int64_t j = i; j < count; ++j) dst[j] = last[j - i];
    }
};

}  // namespace quantscope::integer
