// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "export/packed_layer.h"

namespace quantscope {

/// AWQ's GEMM files (AutoAWQ), weight [out x in], 4 bits:
///   qweight  I32 [in, out / 8]      codes along the outputs, nibble i of a word holds output 8 c +
///   kAwqOrder[i] qzeros   I32 [groups, out / 8]  zero points in the same order scales   F16 [groups, out]
/// w = scales (code - zero). The scale search's factors are no part of it: they must have been folded into
/// the layer before. Unsupported: other bits, act order, quantized activations.
Result<PackedLayer> packAwq(const ExportLayer& layer);
Result<std::string> awqConfig(const PackedModules& modules);

}  // namespace quantscope
