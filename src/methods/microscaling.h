// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// OCP microscaling formats MXFP4, MXFP6 and MXFP8: blocks of 32 inputs share a power of two (E8M0),
/// 2^(floor(log2 absmax) - largest exponent of the element); "even" rounds absmax to the element's mantissa
/// first (compressed-tensors), "ceil" takes the next power of two where absmax is none. Bit-exact with
/// torchao.
class Microscaling : public Method {
 public:
    enum class Element { Fp4, Fp6, Fp8 };
    explicit Microscaling(Element element);
    [[nodiscard]] const MethodInfo& info() const override { return m_info; }
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                           const LayerResult& result) const override;

 private:
    Element m_element;
    MethodInfo m_info;
};

}  // namespace quantscope
