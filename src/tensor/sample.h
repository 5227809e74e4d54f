// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// An element and where it is.
struct LocatedValue {
    float value = 0;
    int64_t row = 0;
    int64_t col = 0;
    bool operator==(const LocatedValue&) const = default;
};

/// The exact extremes of a matrix: what a sample must not lose. NaN and infinities do not take part.
struct MatrixExtremes {
    float minimum = 0;
    float maximum = 0;
    std::vector<LocatedValue> top;  ///< the k largest |x|, largest first; ties by position

    [[nodiscard]] float absMax() const;
    bool operator==(const MatrixExtremes&) const = default;
};

/// One parallel pass. Error: Cancelled.
Result<MatrixExtremes> extremesOf(const MatrixView& matrix, int topCount, const Job& job);

struct SampleOptions {
    int64_t maxValues = int64_t{1} << 20;
    uint64_t seed = 1;
    /// Rows are taken in runs of this many (1, or the rows of a quantization block).
    int64_t rowRun = 1;
    bool operator==(const SampleOptions&) const = default;
};

/// A smaller matrix that stands for a large one: whole rows, one run of rows drawn at random from each of
/// equally long strata, so that groups along the inputs stay whole. A row longer than maxValues is cut to
/// runs of 4,096 columns drawn the same way. A matrix that is small enough is its own sample.
struct MatrixSample {
    MatrixView view;                ///< of `owned`, or of the source when `complete`
    std::vector<int64_t> rowIndex;  ///< source row of each sample row; empty when all rows are here
    std::vector<int64_t> colIndex;  ///< source column of each sample column; empty when all columns are here
    int64_t sourceRows = 0;
    int64_t sourceCols = 0;
    bool complete = false;
    Tensor owned;  ///< keeps the copied values alive

    /// Elements of the source per element of the sample: the "64" of "1/64".
    [[nodiscard]] double inverseShare() const;
    [[nodiscard]] int64_t sourceRow(int64_t row) const;
    [[nodiscard]] int64_t sourceCol(int64_t col) const;
};

/// Pure: the same matrix and options give the same sample. When the result is `complete` the caller keeps the
/// source alive.
MatrixSample sampleMatrix(const MatrixView& matrix, const SampleOptions& options);

}  // namespace quantscope
