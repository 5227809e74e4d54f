// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "methods/interface/stored_codes.h"
#include "quant/formats/codebooks.h"
#include "tensor/tensor.h"

namespace quantscope {

// Codes of methods whose storage is no uniform integer grid, found again from the values they gave.

/// Of values level * scale with one scale a group of `layout` (see StoredCodes::layout): the code is the
/// place of the level among `levels`, which increase.
StoredCodes levelCodes(const MatrixView& values, const GroupLayout& layout, std::span<const float> scales,
                       std::span<const float> levels, std::string meaning);

/// Of values that have a codebook a row, or one for all rows: the code is the place of a value among those
/// of its codebook that are in use. `codes` there are in each.
StoredCodes codebookCodes(const MatrixView& values, bool oneCodebook, int codes);

/// The values of a small float, increasing; 0 is there once.
std::vector<float> minifloatLevels(const Minifloat& element);

/// The scale of each group by the largest magnitude of its elements.
std::vector<float> groupScales(const MatrixView& weight, const GroupLayout& layout,
                               const std::function<float(float absmax)>& scaleOf);
/// levelCodes() of a small float, as a method answers.
CodesAnswer minifloatAnswer(const MatrixView& values, const GroupLayout& layout,
                            std::span<const float> scales, const Minifloat& element,
                            const std::string& format);

/// Of a weight in GGUF blocks (`blocks`, of one of the types Q2_K .. Q6_K, Q5_0, Q5_1, Q8_0, IQ4_NL) and its
/// values: codes as the block holds them, ranges of the runs that share a scale.
StoredCodes blockCodes(const Tensor& blocks, const MatrixView& values);

}  // namespace quantscope
