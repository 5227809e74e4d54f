// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/integer_gemm.h"
#include "methods/interface/integer_layout.h"
#include "quant/quantized_tensor.h"

namespace quantscope {

/// A weight's codes in the order an integer product reads. Immutable; one of the two is filled.
class IntegerWeights {
 public:
    /// From a tensor that the layout takes (integerLayout). `keepCodes`: columns() will be asked for.
    /// Cancelled when the job was stopped.
    static Result<IntegerWeights> pack(const QuantizedTensor& weight, IntegerLayout layout, bool keepCodes,
                                       const Job& job = {});

    [[nodiscard]] IntegerLayout layout() const { return m_layout; }
    [[nodiscard]] int64_t outputs() const;
    [[nodiscard]] int64_t inputs() const;
    [[nodiscard]] uint64_t bytes() const;

    [[nodiscard]] const PackedInt8Weights& int8() const { return m_int8; }
    [[nodiscard]] const PackedInt4Weights& int4() const { return m_int4; }
    /// Int8: scale and zero point by output channel; null zeros: symmetric.
    [[nodiscard]] const float* scales() const { return m_scales.data(); }
    [[nodiscard]] const int32_t* zeros() const { return m_zeros.empty() ? nullptr : m_zeros.data(); }

    /// Int8: the dequantized weights of some inputs, [outputs x width], zeros from columns.size() on.
    [[nodiscard]] std::vector<float> columns(std::span<const int64_t> columns, int64_t width) const;

 private:
    Status packInt8(const QuantizedTensor& weight, bool keepCodes, const Job& job);
    Status packInt4(const QuantizedTensor& weight, const Job& job);

    IntegerLayout m_layout = IntegerLayout::Int8;
    PackedInt8Weights m_int8;
    PackedInt4Weights m_int4;
    std::vector<float> m_scales;
    std::vector<int32_t> m_zeros;
    std::vector<int8_t> m_codes;  ///< [inputs x outputs], where they were kept
};

}  // namespace quantscope
