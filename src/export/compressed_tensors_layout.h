// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "export/packed_layer.h"

namespace quantscope {

/// compressed-tensors (llm-compressor, vLLM). The format follows from the recipe, weight [out x in]:
///   pack-quantized    integer weights, float inputs: weight_packed I32 [out, in bits / 32] (code -
///                     2^(bits-1) + 2^(bits-1), so unsigned, lowest bits first), weight_scale [out, groups],
///                     weight_shape I64 [2], weight_zero_point I32 [out bits / 32, groups] (packed along the
///                     outputs; asymmetric only)
///   int-quantized     integer weights and inputs: weight I8 [out, in], weight_scale [out, groups],
///                     weight_zero_point I8 [out, groups]
///   float-quantized   FP8: weight F8_E4M3 [out, in], weight_scale F32, one a tensor, channel or 128 x 128
///   nvfp4-pack-quantized  weight_packed U8 [out, in / 2] (even input in the low nibble), weight_scale
///                     F8_E4M3 [out, in / 16], weight_global_scale F32 [1] = 2688 / absmax: scales are
///                     divided by it
///   mxfp4-pack-quantized  weight_packed likewise, weight_scale U8 [out, in / 32], the exponent + 127
/// Scales are stored as the scheme says (F32, F16, BF16). Inputs: dynamic, symmetric, one range a token.
/// Version 0.20 packs widths of 3, 5, 6 and 7 bits as one bit string, older ones 32 / bits codes a word; both
/// agree on 1, 2, 4 and 8 bits, and a note says so for the others.
Result<PackedLayer> packCompressedTensors(const ExportLayer& layer);
Result<std::string> compressedTensorsConfig(const PackedModules& modules);

}  // namespace quantscope
