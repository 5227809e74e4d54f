// SPDX-License-Identifier: Apache-2.0
#include "plain_block_encoders.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "plain_fits.h"
#include "quant/blocks/block_layouts.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

using namespace plain;

constexpr int kSuper = 256;
using Codes = std::array<int, kSuper>;

float f16(uint16_t bits) {
    return floatFromF16(bits);
}

float sumOfSquares(const float* x, int n) {
    float sum = 0;
    for (int i = 0; i < n; ++i) sum += x[i] * x[i];
    return sum;
}

/// importance sqrt(sigma^2 + x^2): large weights and important inputs count more.
void importanceWeights(const float* x, const float* importance, float sigma2, int n, float* w) {
    for (int i = 0; i < n; ++i) w[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
}

float sumOf(const float* w, int n) {
    float sum = 0;
    for (int i = 0; i < n; ++i) sum += w[i];
    return sum;
}

/// Codes of elements 32 k + l of each half of 128, two bits each, in byte l: Q2_K and Q3_K.
void packPairs(const Codes& codes, std::array<uint8_t, 64>& bytes) {
    for (size_t half = 0; half < 2; ++half)
        for (size_t l = 0; l < 32; ++l) {
            int byte = 0;
            for (size_t k = 0; k < 4; ++k) byte |= (codes[128 * half + 32 * k + l] & 3) << (2 * k);
            bytes[32 * half + l] = static_cast<uint8_t>(byte);
        }
}

/// Low four bits of codes j and j + 16 in byte j, all fifth bits in four bytes.
void packFiveBits(const std::array<int, 32>& codes, std::array<uint8_t, 16>& nibbles,
                  std::array<uint8_t, 4>& highBits) {
    highBits.fill(0);
    for (size_t j = 0; j < 16; ++j)
        nibbles[j] = static_cast<uint8_t>((codes[j] & 15) | ((codes[j + 16] & 15) << 4));
    for (size_t j = 0; j < 32; ++j)
        if (codes[j] > 15) highBits[j / 8] = static_cast<uint8_t>(highBits[j / 8] | (1 << (j % 8)));
}

/// 8 scales and 8 minima of 6 bits in the 12 bytes of Q4_K and Q5_K.
void packScales(const int* scales, const int* minima, std::array<uint8_t, 12>& bytes) {
    bytes.fill(0);
    for (size_t j = 0; j < 8; ++j) {
        if (j < 4) {
            bytes[j] = static_cast<uint8_t>(bytes[j] | scales[j]);
            bytes[j + 4] = static_cast<uint8_t>(bytes[j + 4] | minima[j]);
            continue;
        }
        bytes[j + 4] = static_cast<uint8_t>((scales[j] & 15) | ((minima[j] & 15) << 4));
        bytes[j - 4] = static_cast<uint8_t>(bytes[j - 4] | ((scales[j] >> 4) << 6));
        bytes[j] = static_cast<uint8_t>(bytes[j] | ((minima[j] >> 4) << 6));
    }
}

/// Scales and minima of all runs as integers 0 .. top with F16 factors.
struct RunScales {
    std::array<int, 16> scales{};
    std::array<int, 16> minima{};
    uint16_t d = 0;
    uint16_t dmin = 0;
};

/// ggml without importance: absmax over the runs.
RunScales roundRunScales(const float* scales, const float* minima, int runs, int top) {
    RunScales result;
    const float largest = std::max(0.0F, *std::max_element(scales, scales + runs));
    const float largestMinimum = std::max(0.0F, *std::max_element(minima, minima + runs));
    const auto steps = static_cast<float>(top);
    const float inverse = largest > 0 ? steps / largest : 0.0F;
    const float inverseMinimum = largestMinimum > 0 ? steps / largestMinimum : 0.0F;
    for (int j = 0; j < runs; ++j) {
        result.scales[static_cast<size_t>(j)] = std::min(top, nearest(inverse * scales[j]));
        result.minima[static_cast<size_t>(j)] = std::min(top, nearest(inverseMinimum * minima[j]));
    }
    result.d = f16FromFloat(largest / steps);
    result.dmin = f16FromFloat(largestMinimum / steps);
    return result;
}

RunScales fitRunScales(const float* scales, const float* minima, const float* w, int runs, int top) {
    RunScales result;
    result.d = f16FromFloat(fitPositive(scales, runs, top, w, result.scales.data()));
    result.dmin = f16FromFloat(fitPositive(minima, runs, top, w, result.minima.data()));
    return result;
}

/// Codes again, now for the scales as they are stored.
void placeWithMinimum(const float* x, const RunScales& s, int runLength, int top, Codes& codes) {
    for (int j = 0; j < kSuper / runLength; ++j) {
        const float d = f16(s.d) * static_cast<float>(s.scales[static_cast<size_t>(j)]);
        if (d == 0) continue;
        const float m = f16(s.dmin) * static_cast<float>(s.minima[static_cast<size_t>(j)]);
        for (int i = j * runLength; i < (j + 1) * runLength; ++i)
            codes[static_cast<size_t>(i)] = nearestIn((x[i] + m) / d, 0, top);
    }
}

/// Q4_K and Q5_K up to packing: 8 runs of 32.
RunScales encodeRunsOf32(const float* x, const float* importance, int top, const Search& plain,
                         Codes& codes) {
    std::array<float, 8> scales{};
    std::array<float, 8> minima{};
    std::array<float, 8> totals{};
    std::array<float, 32> w{};
    const float sigma2 = 2 * sumOfSquares(x, kSuper) / kSuper;
    constexpr Search kImportant{-0.9F, 0.05F, 36, false};
    for (size_t j = 0; j < 8; ++j) {
        const float* run = x + 32 * j;
        if (importance != nullptr) {
            importanceWeights(run, importance + 32 * j, sigma2, 32, w.data());
        } else {
            const float average = std::sqrt(sumOfSquares(run, 32) / 32);
            for (size_t l = 0; l < 32; ++l) w[l] = average + std::abs(run[l]);
        }
        totals[j] = sumOf(w.data(), 32);
        scales[j] = fitWithMinimum(run, 32, top, w.data(), importance != nullptr ? kImportant : plain,
                                   codes.data() + 32 * j, minima[j]);
    }
    const RunScales runs = importance != nullptr
                               ? fitRunScales(scales.data(), minima.data(), totals.data(), 8, 63)
                               : roundRunScales(scales.data(), minima.data(), 8, 63);
    placeWithMinimum(x, runs, 32, top, codes);
    return runs;
}

int bestIq4Index(float x) {
    const auto& v = kIq4NlValues;
    if (x <= static_cast<float>(v.front())) return 0;
    if (x >= static_cast<float>(v.back())) return 15;
    int above = 1;
    while (static_cast<float>(v[static_cast<size_t>(above)]) <= x) ++above;
    const auto low = static_cast<float>(v[static_cast<size_t>(above - 1)]);
    const auto high = static_cast<float>(v[static_cast<size_t>(above)]);
    return x - low < high - x ? above - 1 : above;
}

}  // namespace

void encodeBlock(const float* in, const float* importance, BlockQ2K& block) {
    Codes codes{};
    std::array<float, 16> scales{};
    std::array<float, 16> minima{};
    std::array<float, 16> totals{};
    std::array<float, 16> w{};
    const float sigma2 = sumOfSquares(in, kSuper) / kSuper;
    constexpr Search kPlain{-0.5F, 0.1F, 15, true};
    constexpr Search kImportant{-0.9F, 0.05F, 36, false};
    for (size_t j = 0; j < 16; ++j) {
        const float* run = in + 16 * j;
        if (importance != nullptr)
            importanceWeights(run, importance + 16 * j, sigma2, 16, w.data());
        else
            for (size_t l = 0; l < 16; ++l) w[l] = std::abs(run[l]);
        totals[j] = sumOf(w.data(), 16);
        scales[j] = fitWithMinimum(run, 16, 3, w.data(), importance != nullptr ? kImportant : kPlain,
                                   codes.data() + 16 * j, minima[j]);
    }
    const RunScales runs = importance != nullptr
                               ? fitRunScales(scales.data(), minima.data(), totals.data(), 16, 15)
                               : roundRunScales(scales.data(), minima.data(), 16, 15);
    placeWithMinimum(in, runs, 16, 3, codes);
    for (size_t j = 0; j < 16; ++j)
        block.scales[j] = static_cast<uint8_t>(runs.scales[j] | (runs.minima[j] << 4));
    block.d = runs.d;
    block.dmin = runs.dmin;
    packPairs(codes, block.codes);
}

void encodeBlock(const float* in, const float* importance, BlockQ3K& block) {
    Codes codes{};
    std::array<float, 16> scales{};
    std::array<float, 16> totals{};
    std::array<float, 16> w{};
    std::array<int, 16> runs{};
    const float sigma2 = 2 * sumOfSquares(in, kSuper) / kSuper;
    for (size_t j = 0; j < 16; ++j) {
        const float* run = in + 16 * j;
        if (importance == nullptr) {
            scales[j] = fitByMoves(run, 16, 4, codes.data() + 16 * j);
            continue;
        }
        importanceWeights(run, importance + 16 * j, sigma2, 16, w.data());
        totals[j] = sumOf(w.data(), 16);
        scales[j] = fitSigned(run, 16, 4, w.data(), codes.data() + 16 * j);
    }
    if (importance != nullptr) {
        block.d = f16FromFloat(fitSigned(scales.data(), 16, 32, totals.data(), runs.data()));
    } else {
        float extreme = 0;
        for (const float s : scales)
            if (std::abs(s) > std::abs(extreme)) extreme = s;
        const float inverse = extreme != 0 ? -32.0F / extreme : 0.0F;
        for (size_t j = 0; j < 16; ++j)
            runs[j] = extreme != 0 ? nearestIn(inverse * scales[j], -32, 31) + 32 : 0;
        block.d = f16FromFloat(extreme != 0 ? 1 / inverse : 0.0F);
    }
    block.scales.fill(0);
    for (size_t j = 0; j < 16; ++j) {
        const int low = (runs[j] & 15) << (j < 8 ? 0 : 4);
        const int high = (runs[j] >> 4) << (2 * (j / 4));
        block.scales[j % 8] = static_cast<uint8_t>(block.scales[j % 8] | low);
        block.scales[8 + j % 4] = static_cast<uint8_t>(block.scales[8 + j % 4] | high);
        const float d = f16(block.d) * static_cast<float>(runs[j] - 32);
        for (size_t i = 16 * j; d != 0 && i < 16 * (j + 1); ++i) codes[i] = nearestIn(in[i] / d, -4, 3) + 4;
    }
    block.highBits.fill(0);
    for (size_t i = 0; i < kSuper; ++i)
        if (codes[i] > 3)
            block.highBits[i % 32] = static_cast<uint8_t>(block.highBits[i % 32] | (1 << (i / 32)));
    packPairs(codes, block.codes);
}

void encodeBlock(const float* in, const float* importance, BlockQ4K& block) {
    Codes codes{};
    const RunScales runs = encodeRunsOf32(in, importance, 15, {-1.0F, 0.1F, 20, false}, codes);
    packScales(runs.scales.data(), runs.minima.data(), block.scales);
    block.d = runs.d;
    block.dmin = runs.dmin;
    for (size_t pair = 0; pair < 4; ++pair)
        for (size_t l = 0; l < 32; ++l)
            block.codes[32 * pair + l] =
                static_cast<uint8_t>(codes[64 * pair + l] | (codes[64 * pair + 32 + l] << 4));
}

void encodeBlock(const float* in, const float* importance, BlockQ5K& block) {
    Codes codes{};
    const RunScales runs = encodeRunsOf32(in, importance, 31, {-0.5F, 0.1F, 15, false}, codes);
    packScales(runs.scales.data(), runs.minima.data(), block.scales);
    block.d = runs.d;
    block.dmin = runs.dmin;
    block.highBits.fill(0);
    for (size_t i = 0; i < kSuper; ++i)
        if (codes[i] > 15)
            block.highBits[i % 32] = static_cast<uint8_t>(block.highBits[i % 32] | (1 << (i / 32)));
    for (size_t pair = 0; pair < 4; ++pair)
        for (size_t l = 0; l < 32; ++l)
            block.codes[32 * pair + l] =
                static_cast<uint8_t>((codes[64 * pair + l] & 15) | ((codes[64 * pair + 32 + l] & 15) << 4));
}

void encodeBlock(const float* in, const float* importance, BlockQ6K& block) {
    Codes codes{};
    std::array<float, 16> scales{};
    float extreme = 0;
    for (size_t j = 0; j < 16; ++j) {
        const float* w = importance != nullptr ? importance + 16 * j : nullptr;
        const float scale = fitSigned(in + 16 * j, 16, 32, w, codes.data() + 16 * j);
        scales[j] = scale;
        if (std::abs(scale) > std::abs(extreme)) extreme = scale;
    }
    block = {};
    if (std::abs(extreme) < kZeroRun) return;
    const float inverse = -128.0F / extreme;
    block.d = f16FromFloat(1 / inverse);
    for (size_t j = 0; j < 16; ++j) {
        block.scales[j] = static_cast<int8_t>(std::min(127, nearest(inverse * scales[j])));
        const float d = f16(block.d) * static_cast<float>(block.scales[j]);
        for (size_t i = 16 * j; d != 0 && i < 16 * (j + 1); ++i)
            codes[i] = nearestIn(in[i] / d, -32, 31) + 32;
    }
    for (size_t half = 0; half < 2; ++half)
        for (size_t l = 0; l < 32; ++l) {
            const int* c = codes.data() + 128 * half + l;
            block.lowNibbles[64 * half + l] = static_cast<uint8_t>((c[0] & 15) | ((c[64] & 15) << 4));
            block.lowNibbles[64 * half + 32 + l] = static_cast<uint8_t>((c[32] & 15) | ((c[96] & 15) << 4));
            block.highPairs[32 * half + l] = static_cast<uint8_t>((c[0] >> 4) | ((c[32] >> 4) << 2) |
                                                                  ((c[64] >> 4) << 4) | ((c[96] >> 4) << 6));
        }
}

void encodeBlock(const float* in, const float* importance, BlockIq4Nl& block) {
    constexpr int kTries = 7;
    const float sigma2 = sumOfSquares(in, 32) * (2.0F / 32);
    std::array<float, 32> w{};
    if (importance != nullptr)
        importanceWeights(in, importance, sigma2, 32, w.data());
    else
        for (size_t i = 0; i < 32; ++i) w[i] = in[i] * in[i];
    block = {};
    const float extreme = extremeOf(in, 32);
    const auto first = static_cast<float>(kIq4NlValues.front());
    float d = 0;
    if (extreme != 0) {
        const auto attempt = [&](float inverse) {
            Fit fit;
            for (size_t i = 0; i < 32; ++i) {
                // w q x, in ggml's order of products.
                const auto q =
                    static_cast<float>(kIq4NlValues[static_cast<size_t>(bestIq4Index(inverse * in[i]))]);
                fit.xl += w[i] * q * in[i];
                fit.ll += w[i] * q * q;
            }
            return fit;
        };
        d = -extreme / first;
        const Fit start = attempt(1 / d);
        d = start.ll > 0 ? start.xl / start.ll : 0.0F;
        float best = d * start.xl;
        for (int k = -kTries; k <= kTries; ++k) {
            const Fit fit = attempt((static_cast<float>(k) + first) / extreme);
            if (!fit.beats(best)) continue;
            d = fit.xl / fit.ll;
            best = d * fit.xl;
        }
    }
    block.d = f16FromFloat(d);
    const float inverse = d != 0 ? 1 / d : 0.0F;
    for (size_t j = 0; j < 16; ++j)
        block.nibbles[j] =
            static_cast<uint8_t>(bestIq4Index(inverse * in[j]) | (bestIq4Index(inverse * in[j + 16]) << 4));
}

void encodeBlock(const float* in, const float* importance, float rowMeanSquare, BlockQ5_0& block) {
    std::array<float, 32> w{};
    std::array<int, 32> codes{};
    importanceWeights(in, importance, rowMeanSquare, 32, w.data());
    block.d = f16FromFloat(fitSigned(in, 32, 16, w.data(), codes.data()));
    packFiveBits(codes, block.nibbles, block.highBits);
}

void encodeBlock(const float* in, const float* importance, float rowMeanSquare, BlockQ5_1& block) {
    std::array<float, 32> w{};
    std::array<int, 32> codes{};
    float minimum = 0;
    importanceWeights(in, importance, rowMeanSquare, 32, w.data());
    block.d =
        f16FromFloat(fitWithMinimum(in, 32, 31, w.data(), {-0.9F, 0.05F, 36, false}, codes.data(), minimum));
    block.m = f16FromFloat(-minimum);
    packFiveBits(codes, block.nibbles, block.highBits);
}

}  // namespace quantscope
