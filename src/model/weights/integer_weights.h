// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/integer_gemm.h"
#include "methods/interface/variant.h"
#include "quant/quantized_tensor.h"

namespace quantscope {

/// Which integer product a layer takes.
enum class IntegerLayout {
    Int8,      ///< 8-bit codes times 8-bit codes, one scale an output channel (W8A8, LLM.int8())
    Int4,      ///< 4-bit codes with group scales times s8 codes (W4A8)
    Int4Float  ///< 4-bit codes with group scales times floats (W4A16)
};

/// The product for these weights and inputs; nothing where the recipe is computed in float (fake execution,
/// float weights). Unsupported, with what to choose instead, for what no product takes: formats that are no
/// integers, fractional zero points, more than 8 bits, group scales of more than 4 bits, scales an input
/// channel, outlier channels with group scales, float inputs with more than 4 bits, methods without codes.
/// 4-bit codes with one scale a channel go to Int8 where the inputs have zero points or outlier channels.
Result<std::optional<IntegerLayout>> integerLayout(const Recipe& recipe,
                                                   const std::optional<ActivationRecipe>& activations);

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
