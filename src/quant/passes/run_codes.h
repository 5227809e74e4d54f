// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "quant/blocks/scale_fits.h"
#include "tensor/float_bits.h"

/// Runs of several super-blocks at a time: the fits of all runs, then those of the runs' scales. Compiled
/// once for each instruction set, as scale_fits.h.
namespace quantscope::fits {

constexpr int kSuper = 256;
constexpr int kChunk = 16;          ///< units (super-blocks, blocks) side by side
constexpr int kRuns = kChunk * 16;  ///< at most
using Codes = std::array<int, kSuper>;

/// Units that follow one another in a matrix.
struct Chunk {
    const float* x;
    const float* importance;  ///< of a row, or null
    int64_t first;            ///< which unit of the matrix the chunk begins with
    int64_t unitsPerRow;
    int count;
    const float* rowMeanSquares;  ///< of every row of the matrix, or null

    [[nodiscard]] const float* importanceOf(int unit, int elements) const {
        return importance + (first + unit) % unitsPerRow * elements;
    }
};

/// One value for each run.
struct RunFits {
    using Values = std::array<float, kRuns>;
    Values scales;
    Values minima;
    Values totals;  ///< sums of the weights
    Values inverses;
    Values lows;

    /// What the fit itself gave element x of a run: those runs keep it whose scale is stored as 0.
    [[nodiscard]] int codeOf(size_t run, float x, int low, int high) const {
        return nearestInteger(inverses[run] * (x - lows[run]), low, high);
    }
};

/// Runs' scales and minima as integers, and each super-block's factors of them.
struct RunCodes {
    std::array<int, kRuns> scales;
    std::array<int, kRuns> minima;
    std::array<float, kChunk> factors;
    std::array<float, kChunk> minimumFactors;
};

using Weights = std::array<float, size_t{kChunk} * kSuper>;

/// importance sqrt(sigma^2 + x^2): large weights and important inputs count more. sigma^2 = factor times the
/// super-block's mean square, its squares summed one after the other but super-block beside super-block.
[[gnu::always_inline]] inline void weighByImportance(const Chunk& chunk, float factor, Weights& weights) {
    std::array<float, kChunk> sums{};
    for (int i = 0; i < kSuper; ++i)
        for (int s = 0; s < chunk.count; ++s) {
            const float x = chunk.x[s * kSuper + i];
            sums.data()[s] += x * x;
        }
    for (int s = 0; s < chunk.count; ++s) {
        const float sigma2 = factor * sums.data()[s] / kSuper;
        const float* x = chunk.x + static_cast<ptrdiff_t>(s) * kSuper;
        const float* importance = chunk.importanceOf(s, kSuper);
        float* w = weights.data() + static_cast<ptrdiff_t>(s) * kSuper;
        for (int i = 0; i < kSuper; ++i) w[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
    }
}

/// Q4_K and Q5_K: the run's root mean square + |x|.
template <int Bytes>
[[gnu::always_inline]] inline void weighByMagnitude(const Chunk& chunk, Weights& weights) {
    using V = Lanes<Bytes>;
    const int runs = chunk.count * kSuper / 32;
    std::array<float, kRuns> squares;
    for (int first = 0; first < runs; first += V::kCount) {
        RunLanes<Bytes, 32> x;
        x.load(chunk.x, first, runs);
        V::store(sumOf(products(x, x)), squares.data() + first);
    }
    for (int run = 0; run < runs; ++run) {
        const float average = std::sqrt(squares.data()[run] / 32);
        const float* x = chunk.x + static_cast<ptrdiff_t>(run) * 32;
        float* w = weights.data() + static_cast<ptrdiff_t>(run) * 32;
        for (int i = 0; i < 32; ++i) w[i] = average + std::abs(x[i]);
    }
}

template <int Bytes, int N>
[[gnu::always_inline]] inline void fitRunsWithMinimum(const Chunk& chunk, const Weights& weights, int top,
                                                      const Search& search, RunFits& fits) {
    using V = Lanes<Bytes>;
    const int runs = chunk.count * kSuper / N;
    for (int first = 0; first < runs; first += V::kCount) {
        RunLanes<Bytes, N> x;
        RunLanes<Bytes, N> w;
        x.load(chunk.x, first, runs);
        w.load(weights.data(), first, runs);
        MinimumFit<Bytes, N> fit{x, w, top, search};
        const Placed<Bytes> placed = fit.run();
        V::store(placed.scale, fits.scales.data() + first);
        V::store(-placed.offset, fits.minima.data() + first);
        V::store(fit.sumW, fits.totals.data() + first);
        V::store(placed.inverse, fits.inverses.data() + first);
        V::store(placed.low, fits.lows.data() + first);
    }
}

/// Runs of 16.
template <int Bytes>
[[gnu::always_inline]] inline void fitRunsSigned(const Chunk& chunk, const Weights& weights, int levels,
                                                 RunFits& fits) {
    using V = Lanes<Bytes>;
    const int runs = chunk.count * 16;
    fits.lows.fill(0);
    for (int first = 0; first < runs; first += V::kCount) {
        RunLanes<Bytes, 16> x;
        RunLanes<Bytes, 16> w;
        x.load(chunk.x, first, runs);
        w.load(weights.data(), first, runs);
        const Placed<Bytes> placed = fitSigned(x, w, levels);
        V::store(placed.scale, fits.scales.data() + first);
        V::store(sumOf(w), fits.totals.data() + first);
        V::store(placed.inverse, fits.inverses.data() + first);
    }
}

/// Runs of 16; codes of all elements.
template <int Bytes>
[[gnu::always_inline]] inline void fitRunsByMoves(const Chunk& chunk, int levels, RunFits& fits,
                                                  std::array<int, size_t{kChunk} * kSuper>& codes) {
    using V = Lanes<Bytes>;
    const int runs = chunk.count * 16;
    for (int first = 0; first < runs; first += V::kCount) {
        RunLanes<Bytes, 16> x;
        RunLanes<Bytes, 16> l;
        x.load(chunk.x, first, runs);
        V::store(fitByMoves(x, levels, l), fits.scales.data() + first);
        l.store(codes.data(), first, runs);
    }
}

/// N scales (or minima) of each super-block to codes 0 .. top, by their weights.
template <int Bytes, int N>
[[gnu::always_inline]] inline void fitScales(const RunFits::Values& scales, const RunFits::Values& totals,
                                             int count, int top, int* codes, float* factors) {
    using V = Lanes<Bytes>;
    for (int first = 0; first < count; first += V::kCount) {
        RunLanes<Bytes, N> x;
        RunLanes<Bytes, N> w;
        RunLanes<Bytes, N> l;
        x.load(scales.data(), first, count);
        w.load(totals.data(), first, count);
        V::store(fitPositive(x, w, top, l), factors + first);
        l.store(codes, first, count);
    }
}

/// 16 scales of each super-block to codes 0 .. 63, 32 being 0, by their weights.
template <int Bytes>
[[gnu::always_inline]] inline void fitSignedScales(const RunFits& fits, int count, RunCodes& codes) {
    using V = Lanes<Bytes>;
    for (int first = 0; first < count; first += V::kCount) {
        RunLanes<Bytes, 16> x;
        RunLanes<Bytes, 16> w;
        x.load(fits.scales.data(), first, count);
        w.load(fits.totals.data(), first, count);
        const Placed<Bytes> placed = fitSigned(x, w, 32);
        const typename V::Ints empty = V::equal(placed.inverse, typename V::Floats{});
        for (typename V::Floats& scale : x.at)
            scale = empty ? typename V::Floats{} : V::nearestIn(placed.inverse * scale, -32, 31) + 32.0F;
        V::store(placed.scale, codes.factors.data() + first);
        x.store(codes.scales.data(), first, count);
    }
}

/// ggml without importance: the largest of N values becomes code `top`. Returns the factor.
template <int N>
[[gnu::always_inline]] inline float roundScales(const float* values, int top, int* codes) {
    float largest = 0;
    for (int j = 0; j < N; ++j) largest = largest < values[j] ? values[j] : largest;
    const auto steps = static_cast<float>(top);
    const float inverse = largest > 0 ? steps / largest : 0.0F;
    for (int j = 0; j < N; ++j) codes[j] = std::min(top, nearestInteger(inverse * values[j]));
    return largest / steps;
}

/// Scales and minima of N runs in each super-block, with importance or without.
template <int Bytes, int N>
[[gnu::always_inline]] inline void codeScales(const Chunk& chunk, const RunFits& fits, int top,
                                              RunCodes& codes) {
    if (chunk.importance != nullptr) {
        fitScales<Bytes, N>(fits.scales, fits.totals, chunk.count, top, codes.scales.data(),
                            codes.factors.data());
        fitScales<Bytes, N>(fits.minima, fits.totals, chunk.count, top, codes.minima.data(),
                            codes.minimumFactors.data());
        return;
    }
    for (int s = 0; s < chunk.count; ++s) {
        codes.factors.data()[s] = roundScales<N>(fits.scales.data() + ptrdiff_t{s} * N, top,
                                                 codes.scales.data() + ptrdiff_t{s} * N);
        codes.minimumFactors.data()[s] = roundScales<N>(fits.minima.data() + ptrdiff_t{s} * N, top,
                                                        codes.minima.data() + ptrdiff_t{s} * N);
    }
}

}  // namespace quantscope::fits
