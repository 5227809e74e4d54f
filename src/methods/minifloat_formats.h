// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// FP8 weights: r = S cast(w / S) with S = absmax / largest (448 for E4M3, 57344 for E5M2), one scale a
/// tensor, output channel or 128 x 128 block, F32. Bit-exact with torch's float8 casts.
class Fp8 : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

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

 private:
    Element m_element;
    MethodInfo m_info;
};

/// NVFP4: E2M1 elements, one E4M3 scale for 16 inputs, one F32 scale S_t = absmax / (448 * 6) a tensor:
/// s = e4m3(clamp(absmax_block / 6 / S_t)), r = s S_t e2m1(w (1 / S_t / s)). Bit-exact with torchao.
class Nvfp4 : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
};

}  // namespace quantscope
