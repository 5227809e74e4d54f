// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/integer_gemm.h"

namespace quantscope {

/// A layer's input [tokens x in] as codes for integer products. Reused from call to call it allocates
/// nothing.
struct InputCodes {
    std::vector<uint8_t> codes;  ///< u8 (Int8 layout: s8 codes are moved up by 128) or s8 (Int4)
    std::vector<float> scales;   ///< a row
    std::vector<int32_t> zeros;  ///< a row, u8 only
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t stride = 0;
    bool isSigned = false;
    /// Input channels that stay in float, and their values [rows x outlierWidth], zeros from outliers.size()
    /// on; the width is a power of two of at least 8, so that products of few shapes serve them.
    std::vector<int64_t> outliers;
    std::vector<float> outlierValues;
    int64_t outlierWidth = 0;

    [[nodiscard]] CodeView view() const { return {codes.data(), isSigned, rows, cols, stride}; }
};

}  // namespace quantscope
