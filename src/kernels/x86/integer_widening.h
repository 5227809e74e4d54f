// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/x86/integer_output.h"

namespace quantscope::integer {

/// Products of u8 rows with a panel where there is no VNNI: codes become 16-bit words, VPMADDWD adds two
/// exact products to 32 bits. (VPMADDUBSW would need no widening, but its sums of two products saturate at 16
/// bits: see saturatingPanelAvx2.) A vector of words covers kLanes / 2 columns; a lane holds half a column's
/// sum.
template <class V>
struct Widening {
    using I = typename V::I;

    template <int kRows>
    static void tile(const Int8PanelCall& call, int64_t row, int64_t firstColumn) {
        constexpr int kVectors = V::kWideVectors;
        constexpr int64_t kColumns = V::kLanes / 2;
        I sums[kRows][kVectors];
        unrolled<kRows * kVectors>([&](auto i)
                                       QUANTSCOPE_INLINE { sums[i / kVectors][i % kVectors] = V::zero(); });
        const uint8_t* x = call.x + row * call.xStride;
        const int8_t* w = call.panel + 4 * firstColumn;
        for (int64_t g = 0; g < call.kGroups; ++g) {
            I weights[kVectors];
            unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
                weights[v] = V::widenSigned(w + g * 4 * call.width + v * 4 * kColumns);
            });
            unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                const I codes = V::broadcastFourWidened(x + r * call.xStride + 4 * g);
                unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
                    sums[r][v] = V::add(sums[r][v], V::multiplyPairs(codes, weights[v]));
                });
            });
        }
        const ColumnTerms<V, kVectors / 2> terms(call.output, firstColumn, call.columns);
        unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
            I whole[kVectors / 2];
            unrolled<kVectors / 2>([&](auto v) QUANTSCOPE_INLINE {
                whole[v] = V::addNeighbours(sums[r][2 * v], sums[r][2 * v + 1]);
            });
            writeRow<V, kVectors / 2>(call.output, terms, row + r, firstColumn, whole);
        });
    }

    template <int kRows = V::kWideRows>
    static void tileOf(int64_t rows, const Int8PanelCall& call, int64_t row, int64_t firstColumn) {
        if constexpr (kRows > 0) {
            if (rows == kRows) return tile<kRows>(call, row, firstColumn);
            tileOf<kRows - 1>(rows, call, row, firstColumn);
        }
    }

    static int64_t peakLoop(int64_t steps) {
        constexpr int kSums = 12;
        I sums[kSums];
        unrolled<kSums>([&](auto i) QUANTSCOPE_INLINE { sums[i] = V::set(i); });
        I codes = V::set(0x00010002);
        for (int64_t step = 0; step < steps; ++step) {
            keepAlive(codes);  // products that never change would leave the loop
            unrolled<kSums>([&](auto i) QUANTSCOPE_INLINE {
                sums[i] = V::add(sums[i], V::multiplyPairs(codes, sums[i]));
            });
        }
        unrolled<kSums>([&](auto i) QUANTSCOPE_INLINE { keepAlive(sums[i]); });
        return steps * kSums * V::kLanes * 4;
    }

    static void panel(const Int8PanelCall& call) {
        constexpr int64_t kColumns = int64_t{V::kWideVectors} * V::kLanes / 2;
        for (int64_t column = 0; column < call.width; column += kColumns) {
            for (int64_t row = 0; row < call.rows; row += V::kWideRows) {
                const int64_t left = call.rows - row;
                tileOf(left < V::kWideRows ? left : V::kWideRows, call, row, column);
            }
        }
    }
};

}  // namespace quantscope::integer
