// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "tensor/tensor.h"

namespace quantscope {

constexpr int64_t kMaxHeatMapSide = 1024;

/// Rows [rowBegin, rowEnd), columns [colBegin, colEnd) of a matrix; all zero = the whole.
struct MatrixRegion {
    int64_t rowBegin = 0;
    int64_t rowEnd = 0;
    int64_t colBegin = 0;
    int64_t colEnd = 0;
    bool operator==(const MatrixRegion&) const = default;
};

/// The region inside a rows x cols matrix; all zero becomes the whole.
MatrixRegion clampRegion(const MatrixRegion& region, int64_t rows, int64_t cols);

/// MaxAbs: the element of largest magnitude, with its sign. Mean: the average.
enum class Pooling : uint8_t { MaxAbs, Mean };

/// A picture of a matrix: cell (i, j) covers rowsPerCell x colsPerCell elements (fewer at the edge).
struct HeatMap {
    MatrixRegion region;
    int64_t rows = 0;  ///< cells down and across, at most kMaxHeatMapSide
    int64_t cols = 0;
    int64_t rowsPerCell = 1;
    int64_t colsPerCell = 1;
    Pooling pooling = Pooling::MaxAbs;
    std::vector<float> values;  ///< row-major
    float minimum = 0;          ///< of the values: the colour scale's ends
    float maximum = 0;
    /// 99th percentile of |value|: ends of a colour scale that outliers do not wash out.
    float typicalMagnitude = 0;

    [[nodiscard]] float at(int64_t row, int64_t col) const { return values[size_t(row * cols + col)]; }
};

/// The four linked pictures. All share region and cells.
struct HeatMapSet {
    HeatMap original;
    HeatMap codes;  ///< without cells where a weight has no code of its own
    HeatMap dequantized;
    HeatMap error;  ///< r - r^
};

/// One picture of a plain matrix (weights, or activations token x channel). Error: Cancelled.
Result<HeatMap> heatMap(const MatrixView& matrix, const MatrixRegion& region, Pooling pooling, const Job& job,
                        int64_t maxSide = kMaxHeatMapSide);

/// Which rows the cells of a large matrix' picture look at; all of them by default.
struct HeatMapRows {
    int64_t perCell = 0;          ///< at most so many, evenly spaced in the cell; 0 = all
    std::vector<int64_t> always;  ///< and these in any case: the rows of the largest values
};

/// All four in one pass. For float, codes is empty and error zero. With `rows` a cell of MaxAbs pooling is
/// the largest of the rows looked at. Error: Cancelled.
Result<HeatMapSet> heatMaps(const MatrixView& matrix, const MatrixQuantization& quantization,
                            const MatrixRegion& region, Pooling pooling, const KernelTable& kernels,
                            const Job& job, int64_t maxSide = kMaxHeatMapSide, const HeatMapRows& rows = {});

}  // namespace quantscope
