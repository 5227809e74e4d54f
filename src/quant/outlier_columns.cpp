// SPDX-License-Identifier: Apache-2.0
#include "quant/outlier_columns.h"

#include <algorithm>
#include <cmath>

namespace quantscope {

std::vector<int64_t> outlierColumns(const MatrixView& activation, double threshold) {
    std::vector<int64_t> columns;
    if (!(threshold > 0)) return columns;
    std::vector<float> largest(static_cast<size_t>(activation.cols), 0);
    for (int64_t r = 0; r < activation.rows; ++r) {
        const float* row = activation.row(r);
        for (size_t c = 0; c < largest.size(); ++c) largest[c] = std::max(largest[c], std::abs(row[c]));
    }
    for (size_t c = 0; c < largest.size(); ++c)
        if (static_cast<double>(largest[c]) >= threshold) columns.push_back(static_cast<int64_t>(c));
    return columns;
}

std::vector<float> withoutColumns(const MatrixView& matrix, std::span<const int64_t> columns) {
    std::vector<float> values(static_cast<size_t>(matrix.size()));
    for (int64_t r = 0; r < matrix.rows; ++r) {
        float* row = values.data() + r * matrix.cols;
        std::copy_n(matrix.row(r), matrix.cols, row);
        for (const int64_t c : columns) row[c] = 0;
    }
    return values;
}

}  // namespace quantscope
