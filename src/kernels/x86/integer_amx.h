// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/integer_kernels.h"

namespace quantscope::integer {

/// Products of u8 rows with a panel through tiles (AMX): registers 0-3 sum 2 x 2 tiles of 16 x 16 columns,
/// 4-5 hold 16 rows x 64 codes of X, 6-7 hold 64 inputs of 16 columns (16 steps of the panel, whose order of
/// four inputs a column is the tiles' own). Codes beyond k are zero, so whole tiles of 64 may be read.
/// `Tiles` is the hardware, or an emulation that tests run anywhere.
template <class Tiles>
struct Amx {
    static constexpr int64_t kTileRows = 16;
    static constexpr int64_t kTileSteps = 16;  ///< 64 inputs

    /// Rows [row, row + rows) in one or two tiles, one or two tiles of columns.
    template <bool kTwoRows, bool kTwoColumns>
    static void block(Tiles& tiles, const Int8PanelCall& call, int64_t row, int64_t rows) {
        constexpr int64_t kColumns = kTwoColumns ? 32 : 16;
        tiles.configure(rows < kTileRows ? rows : kTileRows, kTwoRows ? rows - kTileRows : 1);
        tiles.template zero<0>();
        if constexpr (kTwoColumns) tiles.template zero<1>();
        if constexpr (kTwoRows) tiles.template zero<2>();
        if constexpr (kTwoRows && kTwoColumns) tiles.template zero<3>();
        const uint8_t* x = call.x + row * call.xStride;
        const int8_t* w = call.panel;
        for (int64_t g = 0; g < call.kGroups; g += kTileSteps) {
            tiles.template load<6>(w, 4 * kColumns);
            if constexpr (kTwoColumns) tiles.template load<7>(w + 64, 4 * kColumns);
            tiles.template load<4>(x, call.xStride);
            tiles.template dot<0, 4, 6>();
            if constexpr (kTwoColumns) tiles.template dot<1, 4, 7>();
            if constexpr (kTwoRows) {
                tiles.template load<5>(x + kTileRows * call.xStride, call.xStride);
                tiles.template dot<2, 5, 6>();
                if constexpr (kTwoColumns) tiles.template dot<3, 5, 7>();
            }
            x += 4 * kTileSteps;
            w += 4 * kTileSteps * kColumns;
        }
        alignas(64) int32_t sums[2 * kTileRows * kColumns];
        tiles.template store<0>(sums, 4 * kColumns);
        if constexpr (kTwoColumns) tiles.template store<1>(sums + 16, 4 * kColumns);
        int32_t* lower = sums + kTileRows * kColumns;
        if constexpr (kTwoRows) tiles.template store<2>(lower, 4 * kColumns);
        if constexpr (kTwoRows && kTwoColumns) tiles.template store<3>(lower + 16, 4 * kColumns);
        tiles.template write<kColumns / 16>(call, row, rows, sums);
    }

    template <bool kTwoColumns>
    static void rows(Tiles& tiles, const Int8PanelCall& call) {
        for (int64_t row = 0; row < call.rows; row += 2 * kTileRows) {
            const int64_t left = call.rows - row;
            if (left <= kTileRows) {
                block<false, kTwoColumns>(tiles, call, row, left);
            } else {
                block<true, kTwoColumns>(tiles, call, row, left < 2 * kTileRows ? left : 2 * kTileRows);
            }
        }
    }

    static void panel(Tiles& tiles, const Int8PanelCall& call) {
        if (call.width == 32) {
            rows<true>(tiles, call);
        } else {
            rows<false>(tiles, call);
        }
    }
};

}  // namespace quantscope::integer
