// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "methods/interface/activation_transform.h"
#include "quant/passes/group_layout.h"
#include "quant/quantized_tensor.h"

namespace quantscope {

/// The smallest and the largest value that a stored weight can take.
struct ValueRange {
    float low = 0;
    float high = 0;
    [[nodiscard]] bool holds(float value) const { return value >= low && value <= high; }
};

/// The code of each weight [out x in], where a method stores one for each, and what its group can represent;
/// in the layer's own basis.
struct StoredCodes {
    std::string meaning;  ///< "level of NF4, counted from the smallest"
    int64_t cols = 0;     ///< input channels
    int32_t codeMin = 0;
    int32_t codeMax = 0;
    std::vector<uint16_t> offsets;  ///< code - codeMin, row-major

    /// The groups that share levels. A layout of one row cuts the flattened weight (blocks that run on from
    /// one output channel into the next).
    GroupLayout layout;
    std::vector<ValueRange> ranges;  ///< of each group
    /// A group's values are divided by their input channel's divisor (AWQ, SmoothQuant); empty = 1.
    std::vector<float> divisor;
    /// Where an input channel stands among the groups (GPTQ's act order); empty = in its own place.
    std::vector<int32_t> position;

    int64_t shownGroup = 0;     ///< one with a median range
    std::vector<float> levels;  ///< its values, increasing

    [[nodiscard]] int32_t code(int64_t row, int64_t col) const {
        return codeMin + offsets[static_cast<size_t>(row * cols + col)];
    }
    [[nodiscard]] int64_t groupOf(int64_t row, int64_t col) const;
    [[nodiscard]] ValueRange rangeAt(int64_t row, int64_t col) const;
};

/// The codes of a weight, or in one sentence why it has none.
struct CodesAnswer {
    std::shared_ptr<const StoredCodes> codes;
    std::string whyNot;
};

/// Of a uniform grid in the basis of `transform`, which must not rotate (asserted): each weight still has its
/// own code.
StoredCodes uniformCodes(const QuantizedTensor& weight, const ActivationTransform& transform);

/// Index of a range whose width is the median: what is shown when nobody chose a group.
int64_t medianRange(const std::vector<ValueRange>& ranges);

}  // namespace quantscope
