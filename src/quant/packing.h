// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "numerics/instruction_sets.h"

namespace quantscope {

/// Codes of 1..8 or 16 bits as one bit string: element j occupies bits j*bits .. j*bits + bits - 1, counted
/// from the least significant bit of byte 0 (the GPTQ, compressed-tensors and MLX order). The last byte is
/// filled with zero bits.

/// Bytes that `count` codes take.
int64_t packedBytes(int64_t count, int bits);
/// codes[i] - offset, which must fit in `bits`, to dst[packedBytes()].
void packCodes(std::span<const int32_t> codes, int32_t offset, int bits, std::byte* dst,
               InstructionSet set = bestInstructionSet());
/// The codes with `offset` added again.
void unpackCodes(const std::byte* src, int bits, int32_t offset, std::span<int32_t> codes,
                 InstructionSet set = bestInstructionSet());
/// One code.
int32_t unpackCode(const std::byte* src, int bits, int32_t offset, int64_t index);

}  // namespace quantscope
