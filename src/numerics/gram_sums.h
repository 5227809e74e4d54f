// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix_view.h"
#include "numerics/instruction_sets.h"

namespace quantscope {

/// Where the sums over the rows of a matrix [rows x cols] are added, cols values each.
struct ColumnMoments {
    float* minimum;
    float* maximum;
    double* sumAbs;
    double* sumSquares;
};

/// Adds the columns begin .. end - 1, row after row. In the calling thread; values must be finite.
void addColumnMoments(const MatrixView& values, int64_t begin, int64_t end, const ColumnMoments& to,
                      InstructionSet set = bestInstructionSet());

/// sums [cols x cols] += X^T X, the lower triangle (with the diagonal's blocks whole); products of 512 rows
/// are summed in float, these in double. `panels` is working memory that a next call uses again. Parallel;
/// the sums do not depend on the number of threads.
void addGram(const MatrixView& x, std::vector<float>& panels, double* sums,
             InstructionSet set = bestInstructionSet());

}  // namespace quantscope
