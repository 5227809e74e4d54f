// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "export/uniform_weight.h"
#include "export/word_packing.h"
#include "io/checkpoint.h"

namespace quantscope {

/// The families of packed linear layers, told apart by the names and types of their tensors.
enum class PackedFamily : uint8_t {
    Words,     ///< qweight, qzeros, scales: GPTQ and AWQ
    Packed,    ///< compressed-tensors: weight_packed I32
    Bytes,     ///< compressed-tensors: weight I8 or F8_E4M3, weight_scale
    Fp4,       ///< compressed-tensors: weight_packed U8 (NVFP4, MXFP4)
    Codebook,  ///< bitsandbytes: weight U8, weight.absmax, weight.quant_map
    Int8       ///< bitsandbytes: weight I8, SCB
};

/// A packed linear layer of a file.
struct PackedModule {
    std::string name;  ///< "model.layers.0.self_attn.q_proj"
    PackedFamily family = PackedFamily::Words;
};

/// In the file's order; empty for a file without packed layers.
std::vector<PackedModule> packedModules(const Checkpoint& checkpoint);

/// What the layouts leave open: how to read the words. Defaults are what the family's own readers do.
struct WordReading {
    NibbleOrder codeOrder = kRunningOrder;  ///< of 4-bit codes in a word
    NibbleOrder zeroOrder = kRunningOrder;  ///< of 4-bit zero points
    int zeroOffset = 0;                     ///< added to stored zero points (GPTQ version 1: 1)
    bool swapped = false;                   ///< the two codes of a byte the other way round (Fp4, Codebook)
    bool operator==(const WordReading&) const = default;
};

/// The shape of a Words module, as its tensors tell it.
struct WordShape {
    int bits = 4;
    int64_t in = 0;
    int64_t out = 0;
    int64_t groups = 0;
    bool alongInputs = true;  ///< a word holds neighbouring inputs (GPTQ), else outputs (AWQ)
};
/// Malformed: tensors that fit neither way of packing.
Result<WordShape> wordShape(const Checkpoint& checkpoint, const PackedModule& module);

/// What config.json says of the whole file: version 1 or 2, AWQ's order. Without it, what the shapes suggest.
WordReading declaredReading(const Checkpoint& checkpoint);

/// Codes of a layer on a uniform grid (Words, Packed, and integer Bytes and Int8).
Result<UniformWeight> readUniform(const Checkpoint& checkpoint, const PackedModule& module,
                                  const WordReading& reading);
/// [out x in], F32, of any family. Errors name file and tensor.
Result<Tensor> readPacked(const Checkpoint& checkpoint, const PackedModule& module,
                          const WordReading& reading);
/// [out, in] without reading the codes.
Result<Shape> packedShape(const Checkpoint& checkpoint, const PackedModule& module);

/// The same checkpoint with a tensor MODULE.weight, F32, in place of every packed layer's parts; decoded when
/// it is loaded, as `declaredReading` says. The checkpoint itself if nothing in it is packed.
Result<std::shared_ptr<const Checkpoint>> unpackedCheckpoint(std::shared_ptr<const Checkpoint> checkpoint);

}  // namespace quantscope
