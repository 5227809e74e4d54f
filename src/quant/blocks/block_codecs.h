// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace quantscope {

/// Decoders and encoders of one block each; layouts and formulas in block_layouts.h. `out` and `in` have as
/// many floats as the block has elements.
struct BlockQ4_0;
struct BlockQ4_1;
struct BlockQ5_0;
struct BlockQ5_1;
struct BlockQ8_0;
struct BlockIq4Nl;
struct BlockMxfp4;
struct BlockQ2K;
struct BlockQ3K;
struct BlockQ4K;
struct BlockQ5K;
struct BlockQ6K;

void decodeBlock(const BlockQ4_0& block, float* out);
void decodeBlock(const BlockQ4_1& block, float* out);
void decodeBlock(const BlockQ5_0& block, float* out);
void decodeBlock(const BlockQ5_1& block, float* out);
void decodeBlock(const BlockQ8_0& block, float* out);
void decodeBlock(const BlockIq4Nl& block, float* out);
void decodeBlock(const BlockMxfp4& block, float* out);
void decodeBlock(const BlockQ2K& block, float* out);
void decodeBlock(const BlockQ3K& block, float* out);
void decodeBlock(const BlockQ4K& block, float* out);
void decodeBlock(const BlockQ5K& block, float* out);
void decodeBlock(const BlockQ6K& block, float* out);

void encodeBlock(const float* in, BlockQ4_0& block);
void encodeBlock(const float* in, BlockQ4_1& block);
void encodeBlock(const float* in, BlockQ5_0& block);
void encodeBlock(const float* in, BlockQ5_1& block);
void encodeBlock(const float* in, BlockQ8_0& block);

}  // namespace quantscope
