// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "numerics/instruction_sets.h"
#include "quant/passes/quantize_params.h"

namespace quantscope {

/// Loops over consecutive elements that give exactly what quantizeValue and dequantizeValue give for each;
/// the most used rounding is compiled for all instruction sets, with equal bits.

/// Codes of `values`; the first is element params.firstElement of the tensor.
void quantizeRun(std::span<const float> values, const QuantizeParams& params, int32_t* codes,
                 InstructionSet set = bestInstructionSet());
/// Values of `codes`.
void dequantizeRun(std::span<const int32_t> codes, const QuantizeParams& params, float* values,
                   InstructionSet set = bestInstructionSet());
/// Sum of weight (r - r^)^2, in double; `weights` empty: all are 1.
double runSquaredError(std::span<const float> values, std::span<const float> weights,
                       const QuantizeParams& params, InstructionSet set = bestInstructionSet());

}  // namespace quantscope
