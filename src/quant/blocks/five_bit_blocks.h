// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/blocks/block_layouts.h"
#include "quant/passes/run_codes.h"

/// A chunk of blocks of Q5_0 and Q5_1 by importance. Compiled once for each instruction set, as scale_fits.h.
namespace quantscope::fits {

using BlockRow = std::array<float, size_t{kChunk} * 32>;

/// importance sqrt(sigma^2 + x^2), sigma^2 = the mean square of the whole row.
[[gnu::always_inline]] inline void weighInRows(const Chunk& chunk, BlockRow& weights) {
    for (int s = 0; s < chunk.count; ++s) {
        const float sigma2 = chunk.rowMeanSquares[(chunk.first + s) / chunk.unitsPerRow];
        const float* x = chunk.x + ptrdiff_t{32} * s;
        const float* importance = chunk.importanceOf(s, 32);
        float* w = weights.data() + ptrdiff_t{32} * s;
        for (int i = 0; i < 32; ++i) w[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
    }
}

/// Codes 0 .. 31: nibbles, and the fifth bits of all 32.
template <class Block>
[[gnu::always_inline]] inline void packFiveBits(const int* codes, Block& block) {
    uint32_t high = 0;
    for (int j = 0; j < 16; ++j) {
        block.nibbles.data()[j] = static_cast<uint8_t>((codes[j] & 15) | ((codes[j + 16] & 15) << 4));
        high |= static_cast<uint32_t>(codes[j] >> 4) << j;
        high |= static_cast<uint32_t>(codes[j + 16] >> 4) << (j + 16);
    }
    for (int k = 0; k < 4; ++k) block.highBits.data()[k] = static_cast<uint8_t>(high >> (8 * k));
}

/// Fits a run and turns x into its codes.
template <int Bytes>
[[gnu::always_inline]] inline Placed<Bytes> placeRun(RunLanes<Bytes, 32>& x, const RunLanes<Bytes, 32>& w,
                                                     const BlockQ5_0* /*type*/) {
    using V = Lanes<Bytes>;
    const Placed<Bytes> placed = fitSigned(x, w, 16);
    const typename V::Ints empty = V::equal(placed.inverse, typename V::Floats{});
    for (typename V::Floats& value : x.at)
        value = empty ? typename V::Floats{} : V::nearestIn(placed.inverse * value, -16, 15) + 16.0F;
    return placed;
}

template <int Bytes>
[[gnu::always_inline]] inline Placed<Bytes> placeRun(RunLanes<Bytes, 32>& x, const RunLanes<Bytes, 32>& w,
                                                     const BlockQ5_1* /*type*/) {
    using V = Lanes<Bytes>;
    const Placed<Bytes> placed = MinimumFit<Bytes, 32>{x, w, 31, {-0.9F, 0.05F, 36, false}}.run();
    for (typename V::Floats& value : x.at) value = V::nearestIn(placed.inverse * (value - placed.low), 0, 31);
    return placed;
}

template <int Bytes, class Block>
[[gnu::always_inline]] inline void encodeFiveBits(const Chunk& chunk, Block* blocks) {
    using V = Lanes<Bytes>;
    BlockRow weights;
    weighInRows(chunk, weights);
    std::array<int, size_t{kChunk} * 32> codes;
    std::array<float, kChunk> scales;
    std::array<float, kChunk> offsets;
    for (int first = 0; first < chunk.count; first += V::kCount) {
        RunLanes<Bytes, 32> x;
        RunLanes<Bytes, 32> w;
        x.load(chunk.x, first, chunk.count);
        w.load(weights.data(), first, chunk.count);
        const Placed<Bytes> placed = placeRun<Bytes>(x, w, blocks);
        V::store(placed.scale, scales.data() + first);
        V::store(placed.offset, offsets.data() + first);
        x.store(codes.data(), first, chunk.count);
    }
    for (int s = 0; s < chunk.count; ++s) {
        blocks[s].d = f16FromFloat(scales.data()[s]);
        if constexpr (requires { blocks[s].m; }) blocks[s].m = f16FromFloat(offsets.data()[s]);
        packFiveBits(codes.data() + ptrdiff_t{32} * s, blocks[s]);
    }
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ5_0* blocks) {
    encodeFiveBits<Bytes>(chunk, blocks);
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ5_1* blocks) {
    encodeFiveBits<Bytes>(chunk, blocks);
}

}  // namespace quantscope::fits
