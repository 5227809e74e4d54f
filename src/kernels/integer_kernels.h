// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace quantscope {

/// Where the int32 sums of a product go. acc' = acc - rowZero colSum_j - columnZero_j rowTerm_i (modulo
/// 2^32); then either sums[i * stride + j] = acc', or, when `floats` is set,
/// floats[i * stride + j] = fma(float(acc') * columnScales_j, rowScales_i, bias_j) (+ the old value when
/// `accumulate`). Pointers to columns point at the panel's first column, pointers to rows at the first row.
struct Int8Output {
    int32_t* sums = nullptr;
    float* floats = nullptr;
    int64_t stride = 0;
    bool accumulate = false;
    const int32_t* columnSums = nullptr;   ///< colSum_j = sum_k w_jk
    int32_t rowZero = 0;                   ///< of every row, when rowZeros is null
    const int32_t* rowZeros = nullptr;     ///< by row
    const int32_t* columnZeros = nullptr;  ///< by column; null: 0
    const int32_t* rowTerms = nullptr;     ///< sum_k x_ik - k rowZero_i; read with columnZeros only
    const float* rowScales = nullptr;      ///< with `floats`
    const float* columnScales = nullptr;   ///< with `floats`
    const float* bias = nullptr;           ///< with `floats`; null: 0
};

/// One panel of a packed weight times `rows` rows of u8 codes: acc_ij = sum_k x_ik w_jk. A panel holds
/// `width` = 16 or 32 columns (output channels): bytes [kGroups][width][4], four consecutive k of a column
/// together, zeros after the last k. At least 2048 bytes of the same allocation follow the last panel.
struct Int8PanelCall {
    const uint8_t* x =
        nullptr;  ///< row i at x + i * xStride; 64 ceil(k / 64) bytes readable, zeros from k on
    int64_t xStride = 0;
    int64_t rows = 0;
    const int8_t* panel = nullptr;
    int64_t width = 0;
    int64_t columns = 0;  ///< of `width`, those that exist; others are not written
    int64_t kGroups = 0;  ///< ceil(k / 4)
    Int8Output output;
};

/// One panel of 32 columns of packed 4-bit codes: bytes [kGroups][16][4]; byte (g, c, t) holds code k = 4g +
/// t of column c in its low half and of column c + 16 in its high half. w = scale (q - zero), q = 0..15;
/// padded codes equal their zero point as far as x is zero there. Scales and zeros: [groups][32].
struct Int4PanelCall {
    const uint8_t* panel = nullptr;
    int64_t columns = 0;
    int64_t kGroups = 0;
    int64_t kGroupsPerScale = 0;  ///< group size / 4; the last group may be shorter
    const float* scales = nullptr;
    const uint8_t* zeros = nullptr;  ///< null: every zero point is 8
    int64_t rows = 0;
    const float* x = nullptr;       ///< w4a16: row i at x + i * xStride, zeros from k on, 4 kGroups readable
    const int8_t* codes = nullptr;  ///< w4a8: likewise
    int64_t xStride = 0;
    /// Sums of x (w4a16, float bits) or codes (w4a8) over each scale group of row i at + i * sumStride.
    const float* xGroupSums = nullptr;
    const int32_t* codeGroupSums = nullptr;
    int64_t sumStride = 0;
    const float* rowScales = nullptr;  ///< w4a8
    const float* bias = nullptr;       ///< null: 0
    float* y = nullptr;
    int64_t stride = 0;
    bool accumulate = false;
};

/// Counters of the 16-bit teaching kernel.
struct SaturationCounts {
    int64_t pairSums = 0;        ///< products of two pairs added
    int64_t saturatedPairs = 0;  ///< of them beyond int16
    int64_t additions = 0;       ///< of pair sums to 16-bit accumulators
    int64_t saturatedAdditions = 0;
};

/// A row of floats about to become codes.
struct RowRange {
    float minimum = 0;  ///< at most 0
    float maximum = 0;  ///< at least 0
    bool finite = true;
};

/// Integer products and what they need. Every table gives the same bits, except the w4a16 product, which sums
/// in float in an order of its own.
struct IntegerKernels {
    void (*int8Panel)(const Int8PanelCall& call);
    /// y = sum over groups of fma(scale, float(sum_k (q - zero) x), y), then fma(y, rowScale, bias).
    void (*w4a8Panel)(const Int4PanelCall& call);
    /// y = sum_k x scale (q - zero) + bias in float.
    void (*w4a16Panel)(const Int4PanelCall& call);
    /// PMADDUBSW: 16-bit sums of two products saturate; `depth` of them are added in 16 bits (saturating,
    /// too) before they are widened to 32. output.sums only.
    void (*saturatingPanel)(const Int8PanelCall& call, int64_t depth, SaturationCounts& counts);
    /// dst_i = src_i ^ 0x80 (s8 to u8, offset 128); the sum of dst.
    int32_t (*shiftCodes)(const uint8_t* src, uint8_t* dst, int64_t count);
    /// The sum of u8 codes.
    int32_t (*sumCodes)(const uint8_t* src, int64_t count);
    RowRange (*rowRange)(const float* src, int64_t count);
    /// dst_i = clamp(roundHalfEven(src_i * inverseScale) + zero, low, high) as a byte (s8 or u8 alike).
    void (*encodeRow)(const float* src, uint8_t* dst, int64_t count, float inverseScale, int32_t zero,
                      int32_t low, int32_t high);
    /// The fastest 8-bit multiply-adds of the table with all operands in registers, `steps` times; how many
    /// operations (two a multiply-add) that was. The yardstick of "share of peak".
    int64_t (*peakLoop)(int64_t steps);
};

}  // namespace quantscope
