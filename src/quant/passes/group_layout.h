// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/scheme/scheme.h"

namespace quantscope {

/// How a [rows x cols] matrix is cut into groups that share a scale. Every granularity is a grid of blockRows
/// x blockCols rectangles (ragged at the right and lower edge): tensor = all x all, output channel and token
/// = 1 x cols, input channel = rows x 1, group = 1 x g.
struct GroupLayout {
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t blockRows = 1;
    int64_t blockCols = 1;

    static GroupLayout of(const Scheme& scheme, int64_t rows, int64_t cols);

    [[nodiscard]] int64_t groupsDown() const { return rows == 0 ? 0 : (rows + blockRows - 1) / blockRows; }
    [[nodiscard]] int64_t groupsAcross() const { return cols == 0 ? 0 : (cols + blockCols - 1) / blockCols; }
    [[nodiscard]] int64_t groupCount() const { return groupsDown() * groupsAcross(); }
    [[nodiscard]] int64_t groupOf(int64_t row, int64_t col) const {
        return row / blockRows * groupsAcross() + col / blockCols;
    }
    bool operator==(const GroupLayout&) const = default;
};

}  // namespace quantscope
