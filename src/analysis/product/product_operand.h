// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "quant/quantized_tensor.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// One side of a product, quantized: X [tokens x inputs] or W [output channels x inputs]. Values are
/// r^ = S q + c with S and c = -S Z (or the minimum m) constant along a run of inputs.
struct ProductOperand {
    MatrixQuantization quantization;
    int64_t rows = 0;
    int64_t depth = 0;           ///< inputs, K
    std::vector<int16_t> codes;  ///< row-major; empty for float
    std::vector<float> values;   ///< of a float side only, row-major

    [[nodiscard]] bool isFloat() const { return quantization.isFloat(); }
    [[nodiscard]] int32_t code(int64_t row, int64_t k) const {
        return codes[static_cast<size_t>(row * depth + k)];
    }
    [[nodiscard]] const GroupParams& params(int64_t row, int64_t k) const;
    [[nodiscard]] double scale(int64_t row, int64_t k) const {
        return static_cast<double>(params(row, k).scale);
    }
    /// c: the value of code 0.
    [[nodiscard]] double offset(int64_t row, int64_t k) const;
    /// Z, an integer; 0 when symmetric. Only where hasIntegerZeros().
    [[nodiscard]] int32_t zeroPoint(int64_t row, int64_t k) const;
    [[nodiscard]] bool hasIntegerZeros() const;
    [[nodiscard]] bool isSymmetric() const;
    /// r^, or r for a float side.
    [[nodiscard]] double value(int64_t row, int64_t k) const;
    /// Largest |q|, and largest |q - Z|, of any code the scheme has.
    [[nodiscard]] int32_t largestCode() const;
    [[nodiscard]] int32_t largestDistance() const;
};

/// Quantizes by the scheme's own range (dynamic), or by the parameters given (static, from calibration).
/// Errors: as quant/quantize; Unsupported for codes of more than 8 bits and for scales along the inputs.
Result<ProductOperand> productOperand(const MatrixView& matrix, const Scheme& scheme,
                                      const KernelTable& kernels, const Job& job,
                                      std::span<const GroupParams> fixed = {});

/// Of weights whose codes a method chose.
Result<ProductOperand> productOperand(std::shared_ptr<const QuantizedTensor> quantized);

/// Where along the inputs the scales of either side change: 0, ..., K. {0, K} unless one side has groups.
std::vector<int64_t> productSegments(const ProductOperand& x, const ProductOperand& w);

}  // namespace quantscope
