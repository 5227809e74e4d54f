// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/aligned_bytes.h"
#include "kernels/integer_gemm.h"
#include "kernels/product_device.h"

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
    mutable DeviceCopy onDevice;

    [[nodiscard]] const int8_t* panel(int64_t index, int64_t inputs) const {
        return reinterpret_cast<const int8_t*>(panels.get()) + index * kPanelColumns * roundUp(inputs, 4);
    }
};

/// Panels as in Int4PanelCall, one after the other; scales and zeros [panels][groups][32].
struct PackedInt4Weights::Data {
    AlignedBytes panels;
    AlignedBytes scales;
    AlignedBytes zeros;  ///< null: 8 everywhere
    mutable DeviceCopy onDevice;
};

/// What PackedInt8Weights::pack was given, [outputs x inputs].
std::vector<int8_t> unpackInt8(const PackedInt8Weights& packed);

/// What PackedInt4Weights::pack was given, with the group size that 0 stood for.
struct UnpackedInt4 {
    std::vector<uint8_t> codes;
    std::vector<float> scales;
    std::vector<uint8_t> zeros;  ///< empty: 8 everywhere
    int64_t outputs = 0;
    int64_t inputs = 0;
    int64_t groupSize = 0;

    [[nodiscard]] Int4Source source() const {
        return {codes.data(), outputs,       inputs,
                groupSize,    scales.data(), zeros.empty() ? nullptr : zeros.data()};
    }
};
UnpackedInt4 unpackInt4(const PackedInt4Weights& packed);

/// What PackedInt4Weights::pack refuses; `groupSize` is that of the source, with 0 replaced.
Status checkInt4Source(const Int4Source& source, int64_t groupSize);

inline int64_t panelWidth(int64_t outputs, int64_t panel) {
    return std::min(kPanelColumns, roundUp(outputs - panel * kPanelColumns, 16));
}

}  // namespace quantscope
