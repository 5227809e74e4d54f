// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace quantscope {

/// LLM.int8()'s decomposition (Dettmers et al. 2022): the columns (input channels) of an activation
/// [tokens x in] in which any |x| >= threshold, in increasing order. They are multiplied in float, the others
/// in integers. A threshold of 0 or less: none.
std::vector<int64_t> outlierColumns(const MatrixView& activation, double threshold);

/// The values, row by row, with the columns (increasing) set to 0: what is left to quantize.
std::vector<float> withoutColumns(const MatrixView& matrix, std::span<const int64_t> columns);

}  // namespace quantscope
