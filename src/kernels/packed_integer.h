// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/aligned_bytes.h"
#include "kernels/integer_gemm.h"

namespace quantscope {

/// Columns of a full panel; the last one of an int8 weight has 16 when that is enough.
constexpr int64_t kPanelColumns = 32;
/// Bytes behind the last panel, so that tiles of 64 inputs may read on.
constexpr int64_t kPanelSlack = 2048;

constexpr int64_t roundUp(int64_t value, int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

/// Panels as in Int8PanelCall, one after the other.
struct PackedInt8Weights::Data {
    AlignedBytes panels;
    std::vector<int32_t> columnSums;  ///< filled with zeros to a whole panel

    [[nodiscard]] const int8_t* panel(int64_t index, int64_t inputs) const {
        return reinterpret_cast<const int8_t*>(panels.get()) + index * kPanelColumns * roundUp(inputs, 4);
    }
};

/// Panels as in Int4PanelCall, one after the other; scales and zeros [panels][groups][32].
struct PackedInt4Weights::Data {
    AlignedBytes panels;
    AlignedBytes scales;
    AlignedBytes zeros;  ///< null: 8 everywhere
};

/// What PackedInt4Weights::pack refuses; `groupSize` is that of the source, with 0 replaced.
Status checkInt4Source(const Int4Source& source, int64_t groupSize);

inline int64_t panelWidth(int64_t outputs, int64_t panel) {
    return std::min(kPanelColumns, roundUp(outputs - panel * kPanelColumns, 16));
}

}  // namespace quantscope
