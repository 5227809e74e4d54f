// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "kernels/integer_kernels.h"

namespace quantscope::integer {

/// The teaching kernel: PMADDUBSW and PADDSW, with every saturation found by comparing with the sum that
/// wraps. Eight columns a vector, two 16-bit lanes a column. V serves to keep the instance private.
template <class V>
struct Saturating {
    using I = typename V::I;

    /// How many of the 16-bit lanes differ.
    static int64_t differences(I a, I b) {
        const auto equal = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi16(a, b)));
        return (32 - __builtin_popcount(equal)) / 2;
    }

    static void columns(const Int8PanelCall& call, int64_t row, int64_t first, int64_t depth,
                        SaturationCounts& counts) {
        const I lowBytes = _mm256_set1_epi16(0x00FF);
        const I ones = _mm256_set1_epi16(1);
        I narrow = V::zero();
        I sums = V::zero();
        int64_t left = depth;
        for (int64_t g = 0; g < call.kGroups; ++g) {
            const I weights = V::loadCodes(call.panel + (g * call.width + first) * 4);
            const I codes = V::broadcastFour(call.x + row * call.xStride + 4 * g);
            const I pairs = _mm256_maddubs_epi16(codes, weights);
            // A product of u8 and s8 fits 16 bits; only the sum of two can leave them.
            const I even = _mm256_mullo_epi16(_mm256_and_si256(codes, lowBytes),
                                              _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8));
            const I odd = _mm256_mullo_epi16(_mm256_srli_epi16(codes, 8), _mm256_srai_epi16(weights, 8));
            counts.saturatedPairs += differences(pairs, _mm256_add_epi16(even, odd));
            const I next = _mm256_adds_epi16(narrow, pairs);
            counts.saturatedAdditions += differences(next, _mm256_add_epi16(narrow, pairs));
            narrow = next;
            if (--left == 0) {
                sums = V::add(sums, _mm256_madd_epi16(narrow, ones));
                narrow = V::zero();
                left = depth;
            }
        }
        sums = V::add(sums, _mm256_madd_epi16(narrow, ones));
        const int64_t valid = call.columns - first;
        V::store(call.output.sums + row * call.output.stride + first,
                 V::lanesMask(static_cast<int>(valid < 8 ? valid : 8)), sums);
    }

    static void panel(const Int8PanelCall& call, int64_t depth, SaturationCounts& counts) {
        for (int64_t row = 0; row < call.rows; ++row) {
            // Columns that do not exist have zero weights, which saturate nothing.
            for (int64_t first = 0; first < call.columns; first += 8)
                columns(call, row, first, depth, counts);
        }
        counts.pairSums += 2 * call.kGroups * call.rows * call.columns;
        counts.additions += 2 * call.kGroups * call.rows * call.columns;
    }
};

}  // namespace quantscope::integer
