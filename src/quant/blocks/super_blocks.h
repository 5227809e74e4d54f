// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/blocks/block_layouts.h"
#include "quant/passes/run_codes.h"

/// A chunk of super-blocks to bytes, one function for each format. Compiled once for each instruction set, as
/// scale_fits.h.
namespace quantscope::fits {

/// Codes of elements 32 k + l of each half of 128, two bits each, in byte l: Q2_K and Q3_K.
[[gnu::always_inline]] inline void packPairs(const Codes& codes, std::array<uint8_t, 64>& bytes) {
    for (int half = 0; half < 2; ++half) {
        const int* c = codes.data() + ptrdiff_t{128} * half;
        for (int l = 0; l < 32; ++l)
            bytes.data()[32 * half + l] = static_cast<uint8_t>(
                (c[l] & 3) | ((c[32 + l] & 3) << 2) | ((c[64 + l] & 3) << 4) | ((c[96 + l] & 3) << 6));
    }
}

/// Bit k of byte l is bit `shift` of the code of element 32 k + l.
[[gnu::always_inline]] inline void packHighBits(const Codes& codes, int shift,
                                                std::array<uint8_t, 32>& bytes) {
    for (int l = 0; l < 32; ++l) {
        int byte = 0;
        for (int k = 0; k < 8; ++k) byte |= ((codes.data()[32 * k + l] >> shift) & 1) << k;
        bytes.data()[l] = static_cast<uint8_t>(byte);
    }
}

/// Low nibbles of runs 2k, then those of runs 2k + 1 above them: Q4_K and Q5_K.
[[gnu::always_inline]] inline void packNibbles(const Codes& codes, std::array<uint8_t, 128>& bytes) {
    for (int pair = 0; pair < 4; ++pair) {
        const int* c = codes.data() + ptrdiff_t{64} * pair;
        for (int l = 0; l < 32; ++l)
            bytes.data()[32 * pair + l] = static_cast<uint8_t>((c[l] & 15) | ((c[32 + l] & 15) << 4));
    }
}

/// 8 scales and 8 minima of 6 bits in the 12 bytes of Q4_K and Q5_K.
[[gnu::always_inline]] inline void packScales(const int* scales, const int* minima,
                                              std::array<uint8_t, 12>& bytes) {
    for (size_t j = 0; j < 4; ++j) {
        bytes[j] = static_cast<uint8_t>(scales[j] | ((scales[j + 4] >> 4) << 6));
        bytes[j + 4] = static_cast<uint8_t>(minima[j] | ((minima[j + 4] >> 4) << 6));
        bytes[j + 8] = static_cast<uint8_t>((scales[j + 4] & 15) | ((minima[j + 4] & 15) << 4));
    }
}

/// Codes of super-block s for the scales as they are stored, in runs of N.
template <int N>
[[gnu::always_inline]] inline void placeWithMinimum(const Chunk& chunk, int s, const RunFits& fits,
                                                    const RunCodes& runs, int top, float factor,
                                                    float minimumFactor, Codes& codes) {
    for (int j = 0; j < kSuper / N; ++j) {
        const auto run = static_cast<size_t>(s) * (kSuper / N) + static_cast<size_t>(j);
        const float* x = chunk.x + ptrdiff_t{s} * kSuper + ptrdiff_t{j} * N;
        int* to = codes.data() + ptrdiff_t{j} * N;
        const float d = factor * static_cast<float>(runs.scales[run]);
        const float m = minimumFactor * static_cast<float>(runs.minima[run]);
        if (d == 0)
            for (int i = 0; i < N; ++i) to[i] = fits.codeOf(run, x[i], 0, top);
        else
            for (int i = 0; i < N; ++i) to[i] = nearestInteger((x[i] + m) / d, 0, top);
    }
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ2K* blocks) {
    Weights weights;
    RunFits fits;
    RunCodes runs;
    if (chunk.importance != nullptr) {
        weighByImportance(chunk, 1, weights);
        fitRunsWithMinimum<Bytes, 16>(chunk, weights, 3, {-0.9F, 0.05F, 36, false}, fits);
    } else {
        for (int i = 0; i < chunk.count * kSuper; ++i) weights.data()[i] = std::abs(chunk.x[i]);
        fitRunsWithMinimum<Bytes, 16>(chunk, weights, 3, {-0.5F, 0.1F, 15, true}, fits);
    }
    codeScales<Bytes, 16>(chunk, fits, 15, runs);
    for (int s = 0; s < chunk.count; ++s) {
        BlockQ2K& block = blocks[s];
        block.d = f16FromFloat(runs.factors.data()[s]);
        block.dmin = f16FromFloat(runs.minimumFactors.data()[s]);
        Codes codes;
        placeWithMinimum<16>(chunk, s, fits, runs, 3, floatFromF16(block.d), floatFromF16(block.dmin), codes);
        for (int j = 0; j < 16; ++j)
            block.scales.data()[j] =
                static_cast<uint8_t>(runs.scales.data()[16 * s + j] | (runs.minima.data()[16 * s + j] << 4));
        packPairs(codes, block.codes);
    }
}

/// Scales of Q3_K without importance: the one of largest magnitude becomes -32. Returns the factor.
[[gnu::always_inline]] inline float roundSignedScales(const float* scales, int* codes) {
    float extreme = 0;
    for (int j = 0; j < 16; ++j)
        if (std::abs(scales[j]) > std::abs(extreme)) extreme = scales[j];
    const float inverse = extreme != 0 ? -32.0F / extreme : 0.0F;
    for (int j = 0; j < 16; ++j)
        codes[j] = extreme != 0 ? nearestInteger(inverse * scales[j], -32, 31) + 32 : 0;
    return extreme != 0 ? 1 / inverse : 0.0F;
}

/// 16 scales of 6 bits in the 12 bytes of Q3_K.
[[gnu::always_inline]] inline void packSignedScales(const int* scales, std::array<uint8_t, 12>& bytes) {
    for (size_t j = 0; j < 8; ++j)
        bytes[j] = static_cast<uint8_t>((scales[j] & 15) | ((scales[j + 8] & 15) << 4));
    for (size_t j = 0; j < 4; ++j)
        bytes[8 + j] = static_cast<uint8_t>((scales[j] >> 4) | ((scales[j + 4] >> 4) << 2) |
                                            ((scales[j + 8] >> 4) << 4) | ((scales[j + 12] >> 4) << 6));
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ3K* blocks) {
    RunFits fits;
    RunCodes runs;
    std::array<int, size_t{kChunk} * kSuper> fitted;
    if (chunk.importance != nullptr) {
        Weights weights;
        weighByImportance(chunk, 2, weights);
        fitRunsSigned<Bytes>(chunk, weights, 4, fits);
        fitSignedScales<Bytes>(fits, chunk.count, runs);
    } else {
        fitRunsByMoves<Bytes>(chunk, 4, fits, fitted);
        for (int s = 0; s < chunk.count; ++s)
            runs.factors.data()[s] = roundSignedScales(fits.scales.data() + ptrdiff_t{16} * s,
                                                       runs.scales.data() + ptrdiff_t{16} * s);
    }
    for (int s = 0; s < chunk.count; ++s) {
        BlockQ3K& block = blocks[s];
        block.d = f16FromFloat(runs.factors.data()[s]);
        Codes codes;
        for (int j = 0; j < 16; ++j) {
            const int run = 16 * s + j;
            const float* x = chunk.x + ptrdiff_t{16} * run;
            int* to = codes.data() + ptrdiff_t{16} * j;
            const float d = floatFromF16(block.d) * static_cast<float>(runs.scales.data()[run] - 32);
            if (d != 0)
                for (int i = 0; i < 16; ++i) to[i] = nearestInteger(x[i] / d, -4, 3) + 4;
            else if (chunk.importance == nullptr)
                for (int i = 0; i < 16; ++i) to[i] = fitted.data()[16 * run + i];
            else
                for (int i = 0; i < 16; ++i)
                    to[i] = fits.inverses.data()[run] == 0
                                ? 0
                                : fits.codeOf(static_cast<size_t>(run), x[i], -4, 3) + 4;
        }
        packSignedScales(runs.scales.data() + ptrdiff_t{16} * s, block.scales);
        packHighBits(codes, 2, block.highBits);
        packPairs(codes, block.codes);
    }
}

/// Q4_K and Q5_K up to the codes' last bit: 8 runs of 32.
template <int Bytes, class Block>
[[gnu::always_inline]] inline void encodeRunsOf32(const Chunk& chunk, int top, const Search& plain,
                                                  Block* blocks) {
    Weights weights;
    RunFits fits;
    RunCodes runs;
    if (chunk.importance != nullptr)
        weighByImportance(chunk, 2, weights);
    else
        weighByMagnitude<Bytes>(chunk, weights);
    const Search search = chunk.importance != nullptr ? Search{-0.9F, 0.05F, 36, false} : plain;
    fitRunsWithMinimum<Bytes, 32>(chunk, weights, top, search, fits);
    codeScales<Bytes, 8>(chunk, fits, 63, runs);
    for (int s = 0; s < chunk.count; ++s) {
        Block& block = blocks[s];
        block.d = f16FromFloat(runs.factors.data()[s]);
        block.dmin = f16FromFloat(runs.minimumFactors.data()[s]);
        Codes codes;
        placeWithMinimum<32>(chunk, s, fits, runs, top, floatFromF16(block.d), floatFromF16(block.dmin),
                             codes);
        packScales(runs.scales.data() + ptrdiff_t{8} * s, runs.minima.data() + ptrdiff_t{8} * s,
                   block.scales);
        packNibbles(codes, block.codes);
        if constexpr (requires { block.highBits; }) packHighBits(codes, 4, block.highBits);
    }
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ4K* blocks) {
    encodeRunsOf32<Bytes>(chunk, 15, {-1.0F, 0.1F, 20, false}, blocks);
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ5K* blocks) {
    encodeRunsOf32<Bytes>(chunk, 31, {-0.5F, 0.1F, 15, false}, blocks);
}

[[gnu::always_inline]] inline void packSixBits(const Codes& codes, BlockQ6K& block) {
    for (int half = 0; half < 2; ++half)
        for (int l = 0; l < 32; ++l) {
            const int* c = codes.data() + ptrdiff_t{128} * half + l;
            uint8_t* low = block.lowNibbles.data() + ptrdiff_t{64} * half + l;
            low[0] = static_cast<uint8_t>((c[0] & 15) | ((c[64] & 15) << 4));
            low[32] = static_cast<uint8_t>((c[32] & 15) | ((c[96] & 15) << 4));
            block.highPairs.data()[32 * half + l] = static_cast<uint8_t>(
                (c[0] >> 4) | ((c[32] >> 4) << 2) | ((c[64] >> 4) << 4) | ((c[96] >> 4) << 6));
        }
}

/// One super-block of Q6_K, whose 16 runs' fits begin at `run`.
[[gnu::always_inline]] inline void placeSixBits(const float* in, const RunFits& fits, int first,
                                                BlockQ6K& block) {
    float extreme = 0;
    for (int j = 0; j < 16; ++j) {
        const float scale = fits.scales.data()[first + j];
        if (std::abs(scale) > std::abs(extreme)) extreme = scale;
    }
    block = {};
    if (std::abs(extreme) < kZeroRun) return;
    const float inverse = -128.0F / extreme;
    block.d = f16FromFloat(1 / inverse);
    Codes codes;
    for (int j = 0; j < 16; ++j) {
        const int run = first + j;
        const float* x = in + ptrdiff_t{16} * j;
        int* to = codes.data() + ptrdiff_t{16} * j;
        block.scales.data()[j] =
            static_cast<int8_t>(std::min(127, nearestInteger(inverse * fits.scales.data()[run])));
        const float d = floatFromF16(block.d) * static_cast<float>(block.scales.data()[j]);
        if (d != 0)
            for (int i = 0; i < 16; ++i) to[i] = nearestInteger(x[i] / d, -32, 31) + 32;
        else
            for (int i = 0; i < 16; ++i)
                to[i] = fits.inverses.data()[run] == 0
                            ? 0
                            : fits.codeOf(static_cast<size_t>(run), x[i], -32, 31) + 32;
    }
    packSixBits(codes, block);
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockQ6K* blocks) {
    Weights weights;
    RunFits fits;
    for (int s = 0; s < chunk.count; ++s) {
        const float* x = chunk.x + static_cast<ptrdiff_t>(s) * kSuper;
        float* w = weights.data() + static_cast<ptrdiff_t>(s) * kSuper;
        if (chunk.importance != nullptr)
            std::memcpy(w, chunk.importanceOf(s, kSuper), kSuper * sizeof(float));
        else
            for (int i = 0; i < kSuper; ++i) w[i] = x[i] * x[i];
    }
    fitRunsSigned<Bytes>(chunk, weights, 32, fits);
    for (int s = 0; s < chunk.count; ++s)
        placeSixBits(chunk.x + ptrdiff_t{s} * kSuper, fits, 16 * s, blocks[s]);
}

}  // namespace quantscope::fits
