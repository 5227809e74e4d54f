// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quant/blocks/block_layouts.h"
#include "quant/passes/run_codes.h"

/// A chunk of blocks of IQ4_NL. Compiled once for each instruction set, as scale_fits.h.
namespace quantscope::fits {

/// Halfway between two levels: 15 of them. Whether x is nearer to the lower level, ggml's
/// x - low < high - x, is whether it is below: near there both differences are exact.
constexpr float iq4Boundary(size_t k) {
    return 0.5F * static_cast<float>(kIq4NlValues[k] + kIq4NlValues[k + 1]);
}

/// The boundaries as a search tree: node 1 splits the 16 levels, node n goes on at 2 n and 2 n + 1, and nodes
/// 16 .. 31 are the levels.
constexpr std::array<float, 16> iq4Tree() {
    std::array<float, 16> tree{};
    for (size_t depth = 0; depth < 4; ++depth)
        for (size_t k = 0; k < size_t{1} << depth; ++k)
            tree[(size_t{1} << depth) + k] = iq4Boundary((16 >> depth) * k + (8 >> depth) - 1);
    return tree;
}

constexpr std::array<float, 16> iq4Levels() {
    std::array<float, 16> levels{};
    for (size_t k = 0; k < 16; ++k) levels[k] = static_cast<float>(kIq4NlValues[k]);
    return levels;
}

inline constexpr std::array<float, 16> kIq4Tree = iq4Tree();
inline constexpr std::array<float, 16> kIq4Levels = iq4Levels();

/// The nearest of the 16 levels. NaN takes the last, as in ggml.
template <int Bytes>
struct Iq4Levels {
    using V = Lanes<Bytes>;
    using Floats = typename V::Floats;
    using Ints = typename V::Ints;

    [[gnu::always_inline]] static inline Ints indexOf(const Floats& x) {
        Ints index = Ints{} + 15;
        for (size_t k = 0; k < 15; ++k) index += V::less(x, V::all(iq4Boundary(k)));
        return index;
    }
    [[gnu::always_inline]] static inline Floats levelOf(const Floats& x) {
        Floats level = V::all(kIq4Levels[15]);
        for (size_t k = 0; k < 15; ++k) {
            const Floats down = V::all(kIq4Levels[k] - kIq4Levels[k + 1]);
            level += x < iq4Boundary(k) ? down : Floats{};
        }
        return level;
    }
};

#ifndef __clang__  // it has no shuffle by a variable
template <>
struct Iq4Levels<64> {
    using V = Lanes<64>;

    [[gnu::always_inline]] static inline V::Ints indexOf(const V::Floats& x) {
        const V::Floats tree = V::load(kIq4Tree.data());
        V::Ints node = V::Ints{} + 1;
        for (int depth = 0; depth < 4; ++depth)
            node = 2 * node + 1 + V::less(x, __builtin_shuffle(tree, node));
        return node - 16;
    }
    [[gnu::always_inline]] static inline V::Floats levelOf(const V::Floats& x) {
        return __builtin_shuffle(V::load(kIq4Levels.data()), indexOf(x));
    }
};
#endif

/// One block in each lane: d with the least weighted error out of 16 inverse scales.
template <int Bytes>
[[gnu::always_inline]] inline typename Lanes<Bytes>::Floats fitIq4(const RunLanes<Bytes, 32>& x,
                                                                   const RunLanes<Bytes, 32>& w) {
    using V = Lanes<Bytes>;
    constexpr int kTries = 7;
    const typename V::Floats extreme = extremeOf(x);
    typename V::Floats d{};
    typename V::Floats best{};
    for (int attempt = 0; attempt <= 2 * kTries + 1; ++attempt) {
        const float shift = static_cast<float>(attempt - 1 - kTries);
        const typename V::Floats inverse =
            attempt == 0 ? 1 / (-extreme / kIq4Levels[0]) : (shift + kIq4Levels[0]) / extreme;
        Fit<Bytes> fit;
        for (int i = 0; i < 32; ++i) {
            // w q x, in ggml's order of products.
            const typename V::Floats q = Iq4Levels<Bytes>::levelOf(inverse * x.at[i]);
            const typename V::Floats wq = w.at[i] * q;
            fit.xl += wq * x.at[i];
            fit.ll += wq * q;
        }
        const typename V::Ints better = attempt == 0 ? typename V::Ints{} - 1 : fit.beats(best);
        const typename V::Floats scale = fit.scaleWhere(V::less(typename V::Floats{}, fit.ll));
        d = better ? scale : d;
        best = better ? scale * fit.xl : best;
    }
    return extreme == 0 ? typename V::Floats{} : d;
}

/// importance sqrt(sigma^2 + x^2) with sigma^2 = twice the block's mean square, or x^2.
template <int Bytes>
[[gnu::always_inline]] inline void weighIq4(const Chunk& chunk, int first, const RunLanes<Bytes, 32>& x,
                                            RunLanes<Bytes, 32>& w) {
    using V = Lanes<Bytes>;
    const RunLanes<Bytes, 32> squares = products(x, x);
    w = squares;
    if (chunk.importance == nullptr) return;
    const typename V::Floats sigma2 = sumOf(squares) * (2.0F / 32);
    for (typename V::Floats& value : w.at) value += sigma2;
    std::array<float, size_t{32} * V::kCount> roots;
    std::memcpy(roots.data(), w.at, sizeof w.at);
    for (float& root : roots) root = std::sqrt(root);
    std::array<float, size_t{32} * V::kCount> importance;
    for (int lane = 0; lane < V::kCount; ++lane) {
        const float* from = chunk.importanceOf(std::min(first + lane, chunk.count - 1), 32);
        std::memcpy(importance.data() + static_cast<ptrdiff_t>(32) * lane, from, 32 * sizeof(float));
    }
    w.load(importance.data(), 0, V::kCount);
    for (int i = 0; i < 32; ++i) w.at[i] *= V::load(roots.data() + static_cast<ptrdiff_t>(i) * V::kCount);
}

template <int Bytes>
[[gnu::always_inline]] inline void encodeChunk(const Chunk& chunk, BlockIq4Nl* blocks) {
    using V = Lanes<Bytes>;
    for (int first = 0; first < chunk.count; first += V::kCount) {
        RunLanes<Bytes, 32> x;
        RunLanes<Bytes, 32> w;
        x.load(chunk.x, first, chunk.count);
        weighIq4(chunk, first, x, w);
        const typename V::Floats d = fitIq4(x, w);
        const typename V::Floats inverse = d != 0 ? 1 / d : typename V::Floats{};
        std::array<float, V::kCount> factors;
        V::store(d, factors.data());
        std::array<std::array<int32_t, V::kCount>, 16> nibbles;
        for (size_t j = 0; j < 16; ++j)
            V::store(Iq4Levels<Bytes>::indexOf(inverse * x.at[j]) |
                         (Iq4Levels<Bytes>::indexOf(inverse * x.at[j + 16]) << 4),
                     nibbles[j].data());
        for (int lane = 0; lane < V::kCount && first + lane < chunk.count; ++lane) {
            BlockIq4Nl& block = blocks[first + lane];
            block.d = f16FromFloat(factors.data()[lane]);
            for (size_t j = 0; j < 16; ++j) block.nibbles[j] = static_cast<uint8_t>(nibbles[j].data()[lane]);
        }
    }
}

}  // namespace quantscope::fits
