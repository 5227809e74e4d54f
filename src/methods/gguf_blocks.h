// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"
#include "tensor/dtype.h"

namespace quantscope {

/// llama.cpp's super-block types Q2_K .. Q6_K and IQ4_NL, bit-exact with its quantizer; "imatrix" weighs the
/// errors by the mean square of each input, as llama-quantize does with an importance matrix. A width that
/// 256 does not divide falls back as llama-quantize does: Q2_K and Q3_K to IQ4_NL, Q4_K to Q5_0, Q5_K to
/// Q5_1, Q6_K to Q8_0, which knows no importance (a note says so).
class GgufBlocks : public Method {
 public:
    explicit GgufBlocks(DType dtype);
    [[nodiscard]] const MethodInfo& info() const override { return m_info; }
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CalibrationNeed needs(const Recipe& recipe) const override;
    /// The blocks of what quantize() gives values of: a tensor of the type, or of the one it falls back to.
    [[nodiscard]] Result<Tensor> encode(const LayerInput& input, const Recipe& recipe, const Job& job) const;
    /// The type a matrix of this width gets.
    [[nodiscard]] DType typeFor(int64_t cols) const;

 private:
    DType m_dtype;
    MethodInfo m_info;
};

}  // namespace quantscope
