// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/forward_kernels.h"
#include "kernels/x86/unrolled.h"

namespace quantscope::forward {

using integer::unrolled;

/// Float products of rows with a panel. A tile of kPanelRows x kPanelVectors sums stays in registers over all
/// of k; each step loads the vectors of the panel and broadcasts one value a row. 12 x 2 sums of sixteen
/// (6 x 2 of eight) leave registers for both, and need fewer loads than multiply-adds.
template <class V>
struct FloatPanel {
    using F = typename V::F;
    static constexpr int kUnroll = 4;

    template <int kRows, int kVectors, int kWidth, int kAt>
    __attribute__((always_inline)) static void step(const float* const* x, int64_t stride, const float* w,
                                                    F (&sums)[kRows][kVectors]) {
        F weights[kVectors];
        unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
            weights[v] = V::load(w + int64_t{kAt} * kWidth + int64_t{v} * V::kLanes);
        });
        unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
            const F value = V::set(x[r / 3][r % 3 * stride + kAt]);
            unrolled<kVectors>([&](auto v)
                                   QUANTSCOPE_INLINE { sums[r][v] = V::fma(value, weights[v], sums[r][v]); });
        });
    }

    template <int kRows, int kVectors, int kWidth>
    static void tile(const FloatPanelCall& call, int64_t row, int64_t firstColumn) {
        F sums[kRows][kVectors];
        unrolled<kRows * kVectors>([&](auto i)
                                       QUANTSCOPE_INLINE { sums[i / kVectors][i % kVectors] = V::zero(); });
        // Three rows share a pointer, so that no address is kept in memory.
        constexpr int kPointers = (kRows + 2) / 3;
        const float* x[kPointers];
        const int64_t stride = call.xStride;
        unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] = call.x + (row + 3 * p) * stride; });
        const float* w = call.panel + firstColumn;
        float* const y = call.y + row * call.yStride + firstColumn;
        const float* line = y;
        int64_t k = 0;
        for (; k + kUnroll <= call.depth; k += kUnroll) {
            if (k < int64_t{kUnroll} * kRows) {
                // The lines of the output arrive while the sums still grow.
                __builtin_prefetch(line, 1);
                if constexpr (kVectors * V::kLanes > 16) __builtin_prefetch(line + 16, 1);
                line += call.yStride;
            }
            unrolled<kUnroll>(
                [&](auto u) QUANTSCOPE_INLINE { step<kRows, kVectors, kWidth, u>(x, stride, w, sums); });
            unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] += kUnroll; });
            w += int64_t{kUnroll} * kWidth;
        }
        for (; k < call.depth; ++k) {
            step<kRows, kVectors, kWidth, 0>(x, stride, w, sums);
            unrolled<kPointers>([&](auto p) QUANTSCOPE_INLINE { x[p] += 1; });
            w += kWidth;
        }
        const int64_t left = call.columns - firstColumn;
        unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
            unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
                write(y + r * call.yStride + v * V::kLanes, sums[r][v], left - v * V::kLanes,
                      call.accumulate);
            });
        });
    }

    __attribute__((always_inline)) static void write(float* y, F sum, int64_t columns, bool accumulate) {
        if (columns >= V::kLanes) {
            V::store(y, accumulate ? V::add(V::load(y), sum) : sum);
        } else if (columns > 0) {
            const int lanes = static_cast<int>(columns);
            V::storePart(y, accumulate ? V::add(V::loadPart(y, lanes), sum) : sum, lanes);
        }
    }

    template <int kVectors, int kWidth, int kRows = V::kPanelRows>
    static void tileOf(int64_t rows, const FloatPanelCall& call, int64_t row, int64_t firstColumn) {
        if constexpr (kRows > 0) {
            if (rows == kRows) {
                tile<kRows, kVectors, kWidth>(call, row, firstColumn);
            } else {
                tileOf<kVectors, kWidth, kRows - 1>(rows, call, row, firstColumn);
            }
        }
    }

    /// All rows: full tiles, the last two of them halved where one would be too low to fill the pipeline.
    template <int kWidth>
    static void panel(const FloatPanelCall& call) {
        constexpr int kVectors =
            kWidth / V::kLanes < V::kPanelVectors ? kWidth / V::kLanes : V::kPanelVectors;
        for (int64_t column = 0; column < kWidth; column += kVectors * V::kLanes) {
            for (int64_t row = 0; row < call.rows;) {
                const int64_t left = call.rows - row;
                const bool halve = left > V::kPanelRows && left < V::kPanelRows + V::kPanelRows / 2;
                const int64_t rows = halve ? (left + 1) / 2 : left < V::kPanelRows ? left : V::kPanelRows;
                tileOf<kVectors, kWidth>(rows, call, row, column);
                row += rows;
            }
        }
    }

    static void run(const FloatPanelCall& call) {
        if (call.width == 32) return panel<32>(call);
        panel<16>(call);
    }
};

}  // namespace quantscope::forward
