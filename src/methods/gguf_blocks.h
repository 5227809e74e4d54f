// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"
#include "tensor/dtype.h"

namespace quantscope {

/// llama.cpp's super-block types Q2_K .. Q6_K and IQ4_NL, bit-exact with its quantizer; "imatrix" weighs the
/// errors by the mean square of each input, as llama-quantize does with an importance matrix. A width that
/// 256 does not divide falls back as llama-quantize does (parts/gguf_types.h); a note says so.
class GgufBlocks : public Method {
 public:
    explicit GgufBlocks(DType dtype);
    [[nodiscard]] const MethodInfo& info() const override { return m_info; }
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                           const LayerResult& result) const override;
    [[nodiscard]] CalibrationNeed needs(const Recipe& recipe) const override;

 private:
    DType m_dtype;
    MethodInfo m_info;
};

}  // namespace quantscope
