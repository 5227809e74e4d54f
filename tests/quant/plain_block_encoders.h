// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace quantscope {

struct BlockQ2K;
struct BlockQ3K;
struct BlockQ4K;
struct BlockQ5K;
struct BlockQ6K;
struct BlockIq4Nl;
struct BlockQ5_0;
struct BlockQ5_1;

/// Block after block and element after element what encodeSuperBlocks() does for many runs at a time; the
/// tests compare the two byte by byte. `importance` has the block's elements, or is null.
void encodeBlock(const float* in, const float* importance, BlockQ2K& block);
void encodeBlock(const float* in, const float* importance, BlockQ3K& block);
void encodeBlock(const float* in, const float* importance, BlockQ4K& block);
void encodeBlock(const float* in, const float* importance, BlockQ5K& block);
void encodeBlock(const float* in, const float* importance, BlockQ6K& block);
void encodeBlock(const float* in, const float* importance, BlockIq4Nl& block);
/// rowMeanSquare: of the row that the block is of.
void encodeBlock(const float* in, const float* importance, float rowMeanSquare, BlockQ5_0& block);
void encodeBlock(const float* in, const float* importance, float rowMeanSquare, BlockQ5_1& block);

}  // namespace quantscope
