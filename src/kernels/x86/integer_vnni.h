// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/x86/integer_output.h"
#include "kernels/x86/unrolled.h"

namespace quantscope::integer {

/// Products of u8 rows with a panel through VPDPBUSD: four products of a column a lane and step. A tile of
/// kTileRows x kTileVectors sums stays in registers over all of k; each step loads kTileVectors vectors of
/// the panel and one broadcast of four codes a row.
template <class V>
struct Vnni {
    using I = typename V::I;

    template <int kRows, int kVectors>
    static void tile(const Int8PanelCall& call, int64_t row, int64_t firstColumn) {
        I sums[kRows][kVectors];
        unrolled<kRows * kVectors>([&](auto i)
                                       QUANTSCOPE_INLINE { sums[i / kVectors][i % kVectors] = V::zero(); });
        // Three rows share a pointer, so that no address is kept in memory.
        constexpr int kPointers = (kRows + 2) / 3;
        const uint8_t* x[kPointers];
        const int64_t stride = call.xStride;
        unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] = call.x + (row + 3 * p) * stride; });
        const int8_t* w = call.panel + 4 * firstColumn;
        const int64_t step = 4 * call.width;
        for (int64_t g = 0; g < call.kGroups; ++g) {
            I weights[kVectors];
            unrolled<kVectors>([&](auto v)
                                   QUANTSCOPE_INLINE { weights[v] = V::loadCodes(w + v * 4 * V::kLanes); });
            unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                const I codes = V::broadcastFour(x[r / 3] + r % 3 * stride);
                unrolled<kVectors>(
                    [&](auto v) QUANTSCOPE_INLINE { sums[r][v] = V::dot(sums[r][v], codes, weights[v]); });
            });
            unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] += 4; });
            w += step;
        }
        const ColumnTerms<V, kVectors> terms(call.output, firstColumn, call.columns);
        unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
            writeRow<V, kVectors>(call.output, terms, row + r, firstColumn, sums[r]);
        });
    }

    template <int kVectors, int kRows = V::kTileRows>
    static void tileOf(int64_t rows, const Int8PanelCall& call, int64_t row, int64_t firstColumn) {
        if constexpr (kRows > 0) {
            if (rows == kRows) {
                tile<kRows, kVectors>(call, row, firstColumn);
            } else {
                tileOf<kVectors, kRows - 1>(rows, call, row, firstColumn);
            }
        }
    }

    /// All rows, in tiles of nearly equal height.
    template <int kVectors>
    static void columns(const Int8PanelCall& call, int64_t firstColumn) {
        const int64_t tiles = (call.rows + V::kTileRows - 1) / V::kTileRows;
        int64_t row = 0;
        for (int64_t t = 0; t < tiles; ++t) {
            const int64_t end = call.rows * (t + 1) / tiles;
            tileOf<kVectors>(end - row, call, row, firstColumn);
            row = end;
        }
    }

    static void panel(const Int8PanelCall& call) {
        constexpr int64_t kFull = int64_t{V::kTileVectors} * V::kLanes;
        int64_t column = 0;
        for (; column + kFull <= call.width; column += kFull) columns<V::kTileVectors>(call, column);
        if constexpr (V::kTileVectors > 1) {
            for (; column < call.width; column += V::kLanes) columns<1>(call, column);
        }
    }
};

}  // namespace quantscope::integer
