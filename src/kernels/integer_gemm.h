// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "kernels/kernel_table.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Integer matrix products for linear layers: X [m x k] times a packed weight W [n x k] (output channels x
/// input channels), Y = X W^T [m x n]. Every kernel table gives the same integers. Rows are consecutive when
/// a stride is 0. Everything runs on the caller's parallel loops (base/parallel_for.h).

/// A row-major matrix of 8-bit codes.
struct CodeView {
    const void* data = nullptr;
    bool isSigned = true;  ///< s8 (-128..127) or u8 (0..255)
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t stride = 0;  ///< codes from row to row

    static CodeView of(const int8_t* codes, int64_t rows, int64_t cols, int64_t stride = 0) {
        return {codes, true, rows, cols, stride == 0 ? cols : stride};
    }
    static CodeView of(const uint8_t* codes, int64_t rows, int64_t cols, int64_t stride = 0) {
        return {codes, false, rows, cols, stride == 0 ? cols : stride};
    }
};

/// The largest k for which no sum of k products can leave int32: floor((2^31 - 1) / largest |product|).
/// s8 s8: 2^14 a product, 131071; u8 s8: 255 * 128, 65793; both sides with a zero point: 255^2, 33025.
constexpr int64_t kMaxInputsS8S8 = 131071;
constexpr int64_t kMaxInputsU8S8 = 65793;
constexpr int64_t kMaxInputsAffine = 33025;

/// An int8 weight in the order the kernels read (the same for every kernel table), with the sum of each
/// output channel. Immutable; copies share the data.
class PackedInt8Weights {
 public:
    PackedInt8Weights() = default;

    /// W[j][i] = codes[j * stride + i]. InvalidArgument when a size is not positive or k exceeds
    /// kMaxInputsS8S8 (the message says the bound), OutOfMemory.
    static Result<PackedInt8Weights> pack(const int8_t* codes, int64_t outputs, int64_t inputs,
                                          int64_t stride = 0);

    [[nodiscard]] int64_t outputs() const { return m_outputs; }
    [[nodiscard]] int64_t inputs() const { return m_inputs; }
    [[nodiscard]] uint64_t bytes() const { return m_bytes; }
    /// sum_k W[j][k], by output channel.
    [[nodiscard]] std::span<const int32_t> columnSums() const;

    struct Data;
    [[nodiscard]] const Data& data() const { return *m_data; }

 private:
    int64_t m_outputs = 0;
    int64_t m_inputs = 0;
    uint64_t m_bytes = 0;
    std::shared_ptr<const Data> m_data;
};

/// y[i * yStride + j] = sum_k X[i][k] W[j][k], exact. InvalidArgument when X has other columns than W inputs,
/// or X is u8 and k exceeds kMaxInputsU8S8.
Status multiplyInt8(const KernelTable& kernels, const CodeView& x, const PackedInt8Weights& weights,
                    int32_t* y, int64_t yStride = 0);

/// How int32 sums become floats: y_ij = rowScale_i columnScale_j sum_k (x_ik - rowZero_i)(w_jk -
/// columnZero_j)
/// + bias_j. The sum is exact (int32, with the zero-point terms expanded: sum x w - rowZero sum w -
/// columnZero (sum x - k rowZero)); the rest is fma(float(sum) * columnScale, rowScale, bias) in float.
struct Int8Dequantize {
    const float* rowScales = nullptr;      ///< [m], required
    const float* columnScales = nullptr;   ///< [n], required
    const float* bias = nullptr;           ///< [n], or null
    const int32_t* rowZeros = nullptr;     ///< [m] in the range of the codes, or null: symmetric
    const int32_t* columnZeros = nullptr;  ///< [n] in -128..127, or null: symmetric (costs row sums)
    bool accumulate = false;               ///< add to y: the int8 part of a decomposed product
};

/// The fused product: int32 sums are never written. As above; also InvalidArgument when both sides have zero
/// points and k exceeds kMaxInputsAffine.
Status multiplyInt8(const KernelTable& kernels, const CodeView& x, const PackedInt8Weights& weights,
                    const Int8Dequantize& dequantize, float* y, int64_t yStride = 0);

/// What a 4-bit weight is made of: w_ji = scale (code - zero) with the scale and zero of its group,
/// consecutive inputs of one output channel.
struct Int4Source {
    const uint8_t* codes = nullptr;  ///< 0..15, one a byte, [n x k] row-major (signed codes: add 8)
    int64_t outputs = 0;
    int64_t inputs = 0;
    int64_t groupSize = 0;           ///< a multiple of 4; the last group may be shorter. 0: one a channel
    const float* scales = nullptr;   ///< [n x groups]
    const uint8_t* zeros = nullptr;  ///< [n x groups] of 0..15; null: 8 everywhere (signed codes -8..7)
};

/// Packed 4-bit weight; see PackedInt8Weights.
class PackedInt4Weights {
 public:
    PackedInt4Weights() = default;

    /// InvalidArgument for sizes that are not positive, a group size that is not a multiple of 4, codes or
    /// zeros beyond 15, scales that are not finite; OutOfMemory.
    static Result<PackedInt4Weights> pack(const Int4Source& source);

    [[nodiscard]] int64_t outputs() const { return m_outputs; }
    [[nodiscard]] int64_t inputs() const { return m_inputs; }
    [[nodiscard]] int64_t groupSize() const { return m_groupSize; }
    [[nodiscard]] int64_t groups() const { return (m_inputs + m_groupSize - 1) / m_groupSize; }
    /// What a product reads: codes, scales and zeros.
    [[nodiscard]] uint64_t bytes() const { return m_bytes; }

    struct Data;
    [[nodiscard]] const Data& data() const { return *m_data; }

 private:
    int64_t m_outputs = 0;
    int64_t m_inputs = 0;
    int64_t m_groupSize = 0;
    uint64_t m_bytes = 0;
    std::shared_ptr<const Data> m_data;
};

/// W4A16: float activations times 4-bit weights, y_ij = sum_k x_ik w_jk + bias_j, dequantized on the fly.
/// Sums in float: agrees with the reference to about 1e-6 of sum |x w|. InvalidArgument on a shape mismatch.
Status multiplyInt4(const KernelTable& kernels, const MatrixView& x, const PackedInt4Weights& weights,
                    float* y, int64_t yStride = 0, const float* bias = nullptr);

/// W4A8: s8 activations with a scale a row. The sum over each group is exact in int32; groups are added in
/// order, y = fma(groupScale, float(sum), y), at last fma(y, rowScale, bias): the same bits on every table.
/// InvalidArgument on a shape mismatch, u8 codes, or groups of more than 2^31 / (15 * 128) inputs.
Status multiplyInt4(const KernelTable& kernels, const CodeView& x, const float* rowScales,
                    const PackedInt4Weights& weights, float* y, int64_t yStride = 0,
                    const float* bias = nullptr);

/// How a row of activations becomes codes.
enum class ActivationCodes {
    SymmetricS8,  ///< scale = max|x| / 127, q = roundHalfEven(x / scale): -127..127
    AffineU8  ///< scale = (max - min) / 255 with 0 in the range, zero = roundHalfEven(-min / scale): 0..255
};

/// Activations as codes with a scale (and zero point) a row. Reused from call to call it allocates nothing.
struct QuantizedRows {
    std::vector<uint8_t> codes;  ///< [rows x cols], s8 or u8
    std::vector<float>
        scales;  ///< 0 where a row is all zeros (or below 2^-120): its codes are the zero point
    std::vector<int32_t> zeros;  ///< AffineU8 only, else empty
    int64_t rows = 0;
    int64_t cols = 0;
    bool isSigned = true;

    [[nodiscard]] CodeView view() const { return {codes.data(), isSigned, rows, cols, cols}; }
};

/// A range fixed beforehand (static activation quantization). Values beyond it are clamped.
struct StaticRange {
    float scale = 1;
    int32_t zero = 0;
};

/// Quantizes every row with its own range, or all with `fixed`. q = clamp(roundHalfEven(x * (1 / scale)) +
/// zero); the reciprocal is taken in float, as 127 / max|x| or 255 / (max - min) for dynamic ranges.
/// InvalidArgument when a row has NaN or infinity (the message names the first such row) or `fixed` is not
/// a positive finite scale.
Status quantizeRows(const KernelTable& kernels, const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                    const std::optional<StaticRange>& fixed = {});

/// The PMADDUBSW way, for teaching: u8 codes; sums of two products saturate at 16 bits, `depth` of them are
/// added in 16 bits before they widen to 32 (1: at once; 0: never before the end). Lane t of a column sums
/// the pairs (4g + 2t, 4g + 2t + 1). y as in multiplyInt8, but wrong wherever something saturated: the counts
/// say how often.
Result<SaturationCounts> multiplySaturating16(const KernelTable& kernels, const CodeView& x,
                                              const PackedInt8Weights& weights, int64_t depth, int32_t* y,
                                              int64_t yStride = 0);

}  // namespace quantscope
