// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "numerics/instruction_sets.h"
#include "quant/blocks/block_pass.h"

namespace quantscope {

/// Adds the runs of `run` > 0 values that a row of `count` is cut into (the last may be shorter), run i to
/// extremes[i], as BlockExtremes::add() would.
void addRuns(const float* row, int64_t count, int64_t run, BlockExtremes* extremes,
             InstructionSet set = bestInstructionSet());

/// The largest magnitude of `count` values, NaN left out; 0 if there is none.
float absMax(const float* values, int64_t count, InstructionSet set = bestInstructionSet());

/// The same of a matrix. Parallel.
float absMax(const MatrixView& matrix);

/// Whether none of `count` values is NaN or infinity.
bool allFinite(const float* values, int64_t count, InstructionSet set = bestInstructionSet());

/// Index, row by row, of the first NaN or infinity of a matrix, or -1. Parallel.
int64_t firstNonFinite(const MatrixView& matrix);

}  // namespace quantscope
