// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "quant/passes/group_layout.h"
#include "quant/passes/quantize_params.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What every later stage sees of a quantized tensor: packed codes, parameters per group, the scheme.
/// Codes are stored as unsigned offsets q - codeMin, `bits` bits each, LSB first, each row starting on a byte
/// boundary.
class QuantizedTensor {
 public:
    QuantizedTensor(Scheme scheme, Shape shape, GroupLayout layout, std::vector<std::byte> packedCodes,
                    std::vector<GroupParams> groups);

    [[nodiscard]] const Scheme& scheme() const { return m_scheme; }
    [[nodiscard]] const Shape& shape() const { return m_shape; }
    [[nodiscard]] const GroupLayout& layout() const { return m_layout; }
    [[nodiscard]] const std::vector<GroupParams>& groups() const { return m_groups; }
    [[nodiscard]] const std::vector<std::byte>& packedCodes() const { return m_codes; }
    [[nodiscard]] int64_t bytesPerRow() const;

    /// One code (with its sign, in codeMin..codeMax).
    [[nodiscard]] int32_t code(int64_t row, int64_t col) const;
    /// All codes, row-major.
    [[nodiscard]] std::vector<int32_t> codes() const;
    [[nodiscard]] QuantizeParams paramsAt(int64_t row, int64_t col) const;

    /// Bits for all of it (codes with padding, scales, zero points or minima as stored) over the number of
    /// elements.
    [[nodiscard]] double bitsPerWeight() const;
    [[nodiscard]] uint64_t totalBytes() const;

 private:
    Scheme m_scheme;
    Shape m_shape;
    GroupLayout m_layout;
    std::vector<std::byte> m_codes;
    std::vector<GroupParams> m_groups;
};

/// Bits per weight a scheme will cost on a [rows x cols] matrix, without quantizing anything.
double bitsPerWeight(const Scheme& scheme, int64_t rows, int64_t cols);

/// Range estimation, scale computation and rounding of a float matrix: the scalar meaning of a scheme.
/// `input` is F32. Errors: invalid scheme, NaN or Inf in the input (names the first element), cancelled.
Result<QuantizedTensor> quantize(const Tensor& input, const Scheme& scheme, const Job& job = {});

/// Back to F32.
Tensor dequantize(const QuantizedTensor& quantized);

/// Scale and zero point of every group of the layout: the first half of quantize().
Result<std::vector<GroupParams>> chooseGroupParams(const MatrixView& input, const Scheme& scheme,
                                                   const Job& job = {});

}  // namespace quantscope
