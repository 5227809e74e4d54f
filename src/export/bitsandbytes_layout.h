// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "export/packed_layer.h"

namespace quantscope {

/// bitsandbytes, as transformers stores it, weight [out x in]:
///   4 bits (methods nf4 and fp4): weight U8 [out in / 2, 1], the first of two elements in the HIGH nibble;
///     weight.absmax F32 [blocks], or with "double" U8 codes beside weight.nested_absmax F32 [blocks / 256]
///     and weight.nested_quant_map F32 [256]; weight.quant_map F32 [16]; weight.quant_state.bitsandbytes__nf4
///     U8, a JSON text with blocksize, dtype, shape and the like
///   8 bits (LLM.int8(): symmetric narrow int8, a scale an output): weight I8 [out, in], SCB F32 [out] =
///   absmax,
///     weight_format U8 = 0 (rows); w = code SCB / 127. It always quantizes the inputs, a range a token.
/// Unsupported: everything else.
Result<PackedLayer> packBitsandbytes(const ExportLayer& layer);
Result<std::string> bitsandbytesConfig(const PackedModules& modules);

/// The table of codes of a 4-bit type, in the order of the codes. FP4's is not sorted.
std::span<const float> bitsandbytesLevels(bool nf4);

}  // namespace quantscope
