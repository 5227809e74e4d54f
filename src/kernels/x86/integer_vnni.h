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
    static constexpr int kTileSums = V::kTileRows * V::kTileVectors;

    /// Steps between two looks at the clock that fetches the tile's lines of the output.
    static constexpr int kUnroll = 4;
    /// Up to so many rows the weight's bytes are what the product waits for: they are fetched ahead.
    static constexpr int64_t kFewRows = 48;
    /// How far ahead in the panel, where it is read once.
    static constexpr int64_t kBytesAhead = 2048;

    /// Independent sums of one element: a low tile has too few of them to hide a multiply-add's latency.
    static constexpr int chains(int sums) {
        return 4 * sums <= kTileSums ? 4 : 2 * sums <= kTileSums ? 2 : 1;
    }

    /// One step: four inputs of every row and column, `at` steps on.
    template <int kRows, int kVectors, int kAt>
    __attribute__((always_inline)) static void step(const uint8_t* const* x, int64_t stride, const int8_t* w,
                                                    int64_t panelStep, I (&sums)[kRows][kVectors]) {
        I weights[kVectors];
        unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
            weights[v] = V::loadCodes(w + kAt * panelStep + v * 4 * V::kLanes);
        });
        unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
            const I codes = V::broadcastFour(x[r / 3] + r % 3 * stride + 4 * kAt);
            unrolled<kVectors>([&](auto v)
                                   QUANTSCOPE_INLINE { sums[r][v] = V::dot(sums[r][v], codes, weights[v]); });
        });
    }

    template <int kRows, int kVectors, bool kFetches>
    static void tile(const Int8PanelCall& call, const ColumnTerms<V, kVectors>& terms, int64_t row,
                     int64_t firstColumn, [[maybe_unused]] int64_t ahead = 0) {
        constexpr int kChains = chains(kRows * kVectors);
        I partial[kChains][kRows][kVectors];
        unrolled<kChains * kRows * kVectors>([&](auto i) QUANTSCOPE_INLINE {
            partial[i / (kRows * kVectors)][i / kVectors % kRows][i % kVectors] = V::zero();
        });
        // Three rows share a pointer, so that no address is kept in memory.
        constexpr int kPointers = (kRows + 2) / 3;
        const uint8_t* x[kPointers];
        const int64_t stride = call.xStride;
        unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] = call.x + (row + 3 * p) * stride; });
        const int8_t* w = call.panel + 4 * firstColumn;
        const int64_t panelStep = 4 * call.width;
        const char* output = outputOf(call.output, row, firstColumn);
        int64_t g = 0;
        for (; g + kUnroll <= call.kGroups; g += kUnroll) {
            if (g < int64_t{kUnroll} * kRows) {
                // The lines of the output arrive while the sums still grow.
                __builtin_prefetch(output, 1);
                if constexpr (kVectors * V::kLanes > 16) __builtin_prefetch(output + 64, 1);
                output += 4 * call.output.stride;
            }
            unrolled<kUnroll>([&](auto u) QUANTSCOPE_INLINE {
                if constexpr (kFetches) {
                    __builtin_prefetch(w + u * panelStep + ahead);
                    __builtin_prefetch(w + u * panelStep + ahead + 64);
                }
                step<kRows, kVectors, u>(x, stride, w, panelStep, partial[u % kChains]);
            });
            unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] += 4 * kUnroll; });
            w += kUnroll * panelStep;
        }
        for (; g < call.kGroups; ++g) {
            step<kRows, kVectors, 0>(x, stride, w, panelStep, partial[0]);
            unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] += 4; });
            w += panelStep;
        }
        I(&sums)[kRows][kVectors] = partial[0];
        unrolled<(kChains - 1) * kRows * kVectors>([&](auto i) QUANTSCOPE_INLINE {
            constexpr int kSize = kRows * kVectors;
            I& sum = sums[i % kSize / kVectors][i % kVectors];
            sum = V::add(sum, partial[1 + i / kSize][i % kSize / kVectors][i % kVectors]);
        });
        if (terms.plain) {
            unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                writeSums<V, kVectors>(call.output, terms, row + r, firstColumn, sums[r]);
            });
            return;
        }
        unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
            writeRow<V, kVectors>(call.output, terms, row + r, firstColumn, sums[r]);
        });
    }

    static const char* outputOf(const Int8Output& out, int64_t row, int64_t column) {
        const int64_t at = row * out.stride + column;
        return out.floats != nullptr ? reinterpret_cast<const char*>(out.floats + at)
                                     : reinterpret_cast<const char*>(out.sums + at);
    }

    template <int kVectors, bool kFetches, int kRows = V::kTileRows>
    static void tileOf(int64_t rows, const Int8PanelCall& call, const ColumnTerms<V, kVectors>& terms,
                       int64_t row, int64_t firstColumn, int64_t ahead = 0) {
        if constexpr (kRows > 0) {
            if (rows == kRows) {
                tile<kRows, kVectors, kFetches>(call, terms, row, firstColumn, ahead);
            } else {
                tileOf<kVectors, kFetches, kRows - 1>(rows, call, terms, row, firstColumn, ahead);
            }
        }
    }

    /// All rows: full tiles, the last two of them halved where one would be too low to fill the pipeline.
    template <int kVectors>
    static void columns(const Int8PanelCall& call, int64_t firstColumn) {
        const ColumnTerms<V, kVectors> terms(call.output, firstColumn, call.columns);
        constexpr bool kFullWidth = kVectors == V::kTileVectors;
        for (int64_t row = 0; row < call.rows;) {
            const int64_t left = call.rows - row;
            const bool halve = left > V::kTileRows && left < V::kTileRows + V::kTileRows / 2;
            const int64_t rows = halve ? (left + 1) / 2 : left < V::kTileRows ? left : V::kTileRows;
            if (kFullWidth && rows == left && call.rows <= kFewRows) {
                // An only tile reads its panel from memory; a last one finds it in the cache and fetches the
                // next panel.
                const int64_t ahead = rows == call.rows ? kBytesAhead : 4 * call.width * call.kGroups;
                tileOf<kVectors, kFullWidth>(rows, call, terms, row, firstColumn, ahead);
            } else {
                tileOf<kVectors, false>(rows, call, terms, row, firstColumn);
            }
            row += rows;
        }
    }

    static int64_t peakLoop(int64_t steps) {
        I sums[kTileSums];
        unrolled<kTileSums>([&](auto i) QUANTSCOPE_INLINE { sums[i] = V::set(i); });
        const I codes = V::set(0x01020304);
        const I weights = V::set(0x04030201);
        for (int64_t step = 0; step < steps; ++step) {
            unrolled<kTileSums>([&](auto i) QUANTSCOPE_INLINE { sums[i] = V::dot(sums[i], codes, weights); });
        }
        unrolled<kTileSums>([&](auto i) QUANTSCOPE_INLINE { keepAlive(sums[i]); });
        return steps * kTileSums * V::kLanes * 8;
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
