// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/integer_kernels.h"
#include "kernels/x86/unrolled.h"

namespace quantscope::integer {

/// Products with 4-bit panels (see Int4PanelCall). A vector of the panel holds kLanes columns in its low and
/// as many in its high halves, 16 apart; both advance together. V::dotFour adds products of u4 and s8 codes.
template <class V>
struct Int4 {
    using I = typename V::I;
    using F = typename V::F;
    using M = typename V::M;

    /// The two runs of columns that one vector of the panel covers.
    struct Columns {
        int64_t first[2];
        M mask[2];

        Columns(const Int4PanelCall& call, int64_t part) {
            for (int h = 0; h < 2; ++h) {
                first[h] = 16 * h + part * V::kLanes;
                const int64_t left = call.columns - first[h];
                mask[h] = V::lanesMask(left >= V::kLanes ? V::kLanes : left > 0 ? static_cast<int>(left) : 0);
            }
        }
    };

    static int64_t groupEnd(const Int4PanelCall& call, int64_t begin) {
        const int64_t end = begin + call.kGroupsPerScale;
        return end < call.kGroups ? end : call.kGroups;
    }

    static void write(const Int4PanelCall& call, const Columns& columns, int64_t row, int half, F y) {
        float* dst = call.y + row * call.stride + columns.first[half];
        if (call.accumulate) y = V::addFloats(V::loadFloats(dst, columns.mask[half]), y);
        V::storeFloats(dst, columns.mask[half], y);
    }

    static F bias(const Int4PanelCall& call, const Columns& columns, int half) {
        return call.bias == nullptr ? V::zeroFloats()
                                    : V::loadFloats(call.bias + columns.first[half], columns.mask[half]);
    }

    // W4A8

    template <int kRows>
    static void codeTile(const Int4PanelCall& call, int64_t row, int64_t part) {
        const Columns columns(call, part);
        const I low = V::set(0x0F0F0F0F);
        F y[kRows][2];
        unrolled<kRows * 2>([&](auto i) QUANTSCOPE_INLINE { y[i / 2][i % 2] = V::zeroFloats(); });
        const uint8_t* panel = call.panel + part * V::kBytes;
        const int8_t* x = call.codes + row * call.xStride;
        int64_t group = 0;
        for (int64_t begin = 0; begin < call.kGroups; begin = groupEnd(call, begin), ++group) {
            I sums[kRows][2];
            startSums<kRows>(call, columns, row, group, sums);
            const int64_t end = groupEnd(call, begin);
            for (int64_t g = begin; g < end; ++g) {
                const I both = V::loadCodes(panel + g * 64);
                const I weights[2] = {V::bitAnd(both, low), V::bitAnd(V::template shiftRight<4>(both), low)};
                unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                    const I codes = V::broadcastFour(x + r * call.xStride + 4 * g);
                    sums[r][0] = V::dotFour(sums[r][0], weights[0], codes);
                    sums[r][1] = V::dotFour(sums[r][1], weights[1], codes);
                });
            }
            const float* scales = call.scales + group * 32;
            unrolled<2>([&](auto h) QUANTSCOPE_INLINE {
                const F scale = V::loadFloats(scales + columns.first[h], V::lanesMask(V::kLanes));
                unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                    y[r][h] = V::fma(scale, V::toFloats(sums[r][h]), y[r][h]);
                });
            });
        }
        unrolled<kRows * 2>([&](auto i) QUANTSCOPE_INLINE {
            const F scale = V::setFloats(call.rowScales[row + i / 2]);
            write(call, columns, row + i / 2, i % 2,
                  V::fma(y[i / 2][i % 2], scale, bias(call, columns, i % 2)));
        });
    }

    /// -zero sum x over the group: the zero points' share, before any product.
    template <int kRows>
    __attribute__((always_inline)) static void startSums(const Int4PanelCall& call, const Columns& columns,
                                                         int64_t row, int64_t group, I (&sums)[kRows][2]) {
        const int32_t* groupSums = call.codeGroupSums + row * call.sumStride + group;
        if (call.zeros == nullptr) {
            unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                sums[r][0] = sums[r][1] = V::set(-8 * groupSums[r * call.sumStride]);
            });
            return;
        }
        unrolled<2>([&](auto h) QUANTSCOPE_INLINE {
            const I zeros = V::loadWidened(call.zeros + group * 32 + columns.first[h]);
            unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                sums[r][h] = V::mul(zeros, V::set(-groupSums[r * call.sumStride]));
            });
        });
    }

    // W4A16

    /// One row: sums of x (q - 8) over a group, then scale and zero point once a group.
    static void floatRow(const Int4PanelCall& call, int64_t row, int64_t part) {
        const Columns columns(call, part);
        const auto table = V::signedFours();
        const uint8_t* panel = call.panel + part * V::kBytes;
        const float* x = call.x + row * call.xStride;
        const float* groupSums = call.xGroupSums + row * call.sumStride;
        F y[2] = {bias(call, columns, 0), bias(call, columns, 1)};
        int64_t group = 0;
        for (int64_t begin = 0; begin < call.kGroups; begin = groupEnd(call, begin), ++group) {
            F sums[4][2];
            unrolled<8>([&](auto i) QUANTSCOPE_INLINE { sums[i / 2][i % 2] = V::zeroFloats(); });
            const int64_t end = groupEnd(call, begin);
            for (int64_t g = begin; g < end; ++g) {
                const I both = V::loadCodes(panel + g * 64);
                unrolled<8>([&](auto i) QUANTSCOPE_INLINE {
                    const F weight = V::fourOf(table, V::template shiftRight<4 * i>(both));
                    sums[i / 2][i % 2] = V::fma(weight, V::setFloats(x[4 * g + i / 2]), sums[i / 2][i % 2]);
                });
            }
            unrolled<2>([&](auto h) QUANTSCOPE_INLINE {
                const int64_t at = group * 32 + columns.first[h];
                F sum =
                    V::addFloats(V::addFloats(sums[0][h], sums[1][h]), V::addFloats(sums[2][h], sums[3][h]));
                if (call.zeros != nullptr) {
                    const F shift = V::toFloats(V::sub(V::set(8), V::loadWidened(call.zeros + at)));
                    sum = V::fma(shift, V::setFloats(groupSums[group]), sum);
                }
                y[h] = V::fma(V::loadFloats(call.scales + at, V::lanesMask(V::kLanes)), sum, y[h]);
            });
        }
        write(call, columns, row, 0, y[0]);
        write(call, columns, row, 1, y[1]);
    }

    /// Several rows: a weight becomes a float once for all of them.
    template <int kRows>
    static void floatTile(const Int4PanelCall& call, int64_t row, int64_t part) {
        const Columns columns(call, part);
        const auto table = V::signedFours();
        const uint8_t* panel = call.panel + part * V::kBytes;
        const float* x = call.x + row * call.xStride;
        F y[kRows][2];
        unrolled<kRows * 2>([&](auto i) QUANTSCOPE_INLINE { y[i / 2][i % 2] = bias(call, columns, i % 2); });
        int64_t group = 0;
        for (int64_t begin = 0; begin < call.kGroups; begin = groupEnd(call, begin), ++group) {
            F scales[2];
            F shifts[2];
            unrolled<2>([&](auto h) QUANTSCOPE_INLINE {
                const int64_t at = group * 32 + columns.first[h];
                scales[h] = V::loadFloats(call.scales + at, V::lanesMask(V::kLanes));
                shifts[h] = V::zeroFloats();
                if (call.zeros == nullptr) return;
                shifts[h] = V::toFloats(V::sub(V::set(8), V::loadWidened(call.zeros + at)));
                shifts[h] = V::mulFloats(shifts[h], scales[h]);
            });
            const int64_t end = groupEnd(call, begin);
            for (int64_t g = begin; g < end; ++g) {
                const I both = V::loadCodes(panel + g * 64);
                unrolled<8>([&](auto i) QUANTSCOPE_INLINE {
                    const F code = V::fourOf(table, V::template shiftRight<4 * i>(both));
                    const F weight = V::fma(code, scales[i % 2], shifts[i % 2]);
                    unrolled<kRows>([&](auto r) QUANTSCOPE_INLINE {
                        const F factor = V::setFloats(x[r * call.xStride + 4 * g + i / 2]);
                        y[r][i % 2] = V::fma(weight, factor, y[r][i % 2]);
                    });
                });
            }
        }
        unrolled<kRows * 2>(
            [&](auto i) QUANTSCOPE_INLINE { write(call, columns, row + i / 2, i % 2, y[i / 2][i % 2]); });
    }

    // All rows and columns

    template <int kRows = V::kCodeRows>
    static void codeRows(int64_t rows, const Int4PanelCall& call, int64_t row, int64_t part) {
        if constexpr (kRows > 0) {
            if (rows == kRows) return codeTile<kRows>(call, row, part);
            codeRows<kRows - 1>(rows, call, row, part);
        }
    }

    template <int kRows = V::kFloatRows>
    static void floatRows(int64_t rows, const Int4PanelCall& call, int64_t row, int64_t part) {
        if constexpr (kRows > 1) {
            if (rows == kRows) return floatTile<kRows>(call, row, part);
            floatRows<kRows - 1>(rows, call, row, part);
        } else {
            floatRow(call, row, part);
        }
    }

    static void w4a8Panel(const Int4PanelCall& call) {
        for (int64_t part = 0; part < 16 / V::kLanes; ++part) {
            for (int64_t row = 0; row < call.rows; row += V::kCodeRows) {
                const int64_t left = call.rows - row;
                codeRows(left < V::kCodeRows ? left : V::kCodeRows, call, row, part);
            }
        }
    }

    static void w4a16Panel(const Int4PanelCall& call) {
        for (int64_t part = 0; part < 16 / V::kLanes; ++part) {
            for (int64_t row = 0; row < call.rows; row += V::kFloatRows) {
                const int64_t left = call.rows - row;
                floatRows(left < V::kFloatRows ? left : V::kFloatRows, call, row, part);
            }
        }
    }
};

}  // namespace quantscope::integer
