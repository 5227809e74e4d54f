// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "export/packed_layer.h"

namespace quantscope {

/// GPTQ's files (AutoGPTQ, GPTQModel), weight [out x in], 2, 3, 4 or 8 bits:
///   qweight  I32 [in bits / 32, out]   codes along the inputs, one bit string a column, lowest bits first
///   qzeros   I32 [groups, out bits / 32]  zero points along the outputs
///   scales   F16 [groups, out]
///   g_idx    I32 [in]  the group of each input
/// w = scales (code - zero). Version 1 ("gptq") stores zero - 1, and readers add 1 to each field or to the
/// whole word at once, which agree only for zero >= 1; version 2 ("gptq_v2") stores zero itself.
/// Unsupported: other bits, quantized activations, outputs that do not fill words, a zero of 0 in version 1.
Result<PackedLayer> packGptqV1(const ExportLayer& layer);
Result<PackedLayer> packGptqV2(const ExportLayer& layer);
/// "quantization_config" as JSON text.
Result<std::string> gptqV1Config(const PackedModules& modules);
Result<std::string> gptqV2Config(const PackedModules& modules);

}  // namespace quantscope
