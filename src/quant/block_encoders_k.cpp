// SPDX-License-Identifier: Apache-2.0
#include "quant/block_encoders_k.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/parallel_for.h"
#include "quant/block_layouts.h"
#include "quant/block_pass.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr int kSuper = 256;
constexpr float kZeroRun = 1e-15F;  ///< largest magnitude of a run that counts as all 0
using Codes = std::array<int, kSuper>;

/// Nearest integer, ties to even, |x| < 2^22.
int nearest(float x) {
    constexpr float kMagic = 12582912.0F;
    return static_cast<int>((x + kMagic) - kMagic);
}

int nearestIn(float x, int low, int high) {
    return std::clamp(nearest(x), low, high);
}

float f16(uint16_t bits) {
    return floatFromF16(bits);
}

/// The value of largest magnitude, the first of equals; 0 for a run of zeros.
float extremeOf(const float* x, int n) {
    float extreme = 0;
    float largest = 0;
    for (int i = 0; i < n; ++i) {
        if (std::abs(x[i]) <= largest) continue;
        largest = std::abs(x[i]);
        extreme = x[i];
    }
    return largest < kZeroRun ? 0 : extreme;
}

/// Sums of a least-squares fit x ~ scale l with weights w.
struct Fit {
    float xl = 0;
    float ll = 0;
    void add(float w, float x, float l) {
        xl += w * x * l;
        ll += w * l * l;
    }
    /// Whether its error is less than that of a fit whose scale * xl is `best`.
    [[nodiscard]] bool beats(float best) const { return ll > 0 && xl * xl > best * ll; }
};

/// x ~ scale (code - levels), codes 0 .. 2 levels - 1: tries 19 starting scales. `w` null = x^2.
float fitSigned(const float* x, int n, int levels, const float* w, int* codes) {
    const float extreme = extremeOf(x, n);
    std::fill(codes, codes + n, 0);
    if (extreme == 0) return 0;
    const auto attempt = [&](float inverse, bool write) {
        Fit fit;
        for (int i = 0; i < n; ++i) {
            const int l = nearestIn(inverse * x[i], -levels, levels - 1);
            if (write) codes[i] = l + levels;
            fit.add(w != nullptr ? w[i] : x[i] * x[i], x[i], static_cast<float>(l));
        }
        return fit;
    };
    const Fit first = attempt(-static_cast<float>(levels) / extreme, true);
    float scale = first.ll != 0 ? first.xl / first.ll : 0.0F;
    float best = scale * first.xl;
    for (int step = -9; step <= 9; ++step) {
        if (step == 0) continue;
        const float inverse = -(static_cast<float>(levels) + 0.1F * static_cast<float>(step)) / extreme;
        const Fit fit = attempt(inverse, false);
        if (!fit.beats(best)) continue;
        attempt(inverse, true);
        scale = fit.xl / fit.ll;
        best = scale * fit.xl;
    }
    return scale;
}

/// The same with weights x^2, one starting scale, and up to five rounds of moving single codes.
float fitByMoves(const float* x, int n, int levels, int* codes) {
    const float extreme = extremeOf(x, n);
    std::fill(codes, codes + n, 0);
    if (extreme == 0) return 0;
    const float inverse = -static_cast<float>(levels) / extreme;
    Fit fit;
    for (int i = 0; i < n; ++i) {
        codes[i] = nearestIn(inverse * x[i], -levels, levels - 1);
        fit.add(x[i] * x[i], x[i], static_cast<float>(codes[i]));
    }
    for (int round = 0; round < 5; ++round) {
        bool changed = false;
        for (int i = 0; i < n; ++i) {
            const float w = x[i] * x[i];
            const auto old = static_cast<float>(codes[i]);
            Fit moved{fit.xl - w * x[i] * old, 0};
            if (!(moved.xl > 0)) continue;
            moved.ll = fit.ll - w * old * old;
            const int l = nearestIn(x[i] * moved.ll / moved.xl, -levels, levels - 1);
            if (l == codes[i]) continue;
            moved.add(w, x[i], static_cast<float>(l));
            if (!(moved.ll > 0 && moved.xl * moved.xl * fit.ll > fit.xl * fit.xl * moved.ll)) continue;
            codes[i] = l;
            fit = moved;
            changed = true;
        }
        if (!changed) break;
    }
    for (int i = 0; i < n; ++i) codes[i] += levels;
    return fit.ll > 0 ? fit.xl / fit.ll : 0.0F;
}

/// Where fitWithMinimum() looks: inverse scales (first + step k + top) / width, k = 0 .. steps.
struct Search {
    float first;
    float step;
    int steps;
    bool absolute;  ///< judge by |error| instead of its square
};

/// x ~ scale code - minimum with minimum >= 0, codes 0 .. top.
float fitWithMinimum(const float* x, int n, int top, const float* w, const Search& search, int* codes,
                     float& minimum) {
    float low = x[0];
    float high = x[0];
    float sumW = w[0];
    float sumX = w[0] * x[0];
    for (int i = 1; i < n; ++i) {
        low = std::min(low, x[i]);
        high = std::max(high, x[i]);
        sumW += w[i];
        sumX += w[i] * x[i];
    }
    low = std::min(low, 0.0F);
    std::fill(codes, codes + n, 0);
    minimum = -low;
    if (high <= low) return 0;
    std::array<int, 32> tried{};
    const auto errorOf = [&](float scale, float offset) {
        float error = 0;
        for (int i = 0; i < n; ++i) {
            const float d = scale * static_cast<float>(tried[static_cast<size_t>(i)]) + offset - x[i];
            error += w[i] * (search.absolute ? std::abs(d) : d * d);
        }
        return error;
    };
    const auto place = [&](float inverse) {
        for (int i = 0; i < n; ++i) tried[static_cast<size_t>(i)] = nearestIn(inverse * (x[i] - low), 0, top);
    };
    const float start = static_cast<float>(top) / (high - low);
    float scale = 1 / start;
    float offset = low;
    place(start);
    std::copy_n(tried.begin(), n, codes);
    float best = errorOf(scale, offset);
    for (int k = 0; k <= search.steps; ++k) {
        // Every attempt starts from the best minimum so far.
        low = offset;
        place((search.first + search.step * static_cast<float>(k) + static_cast<float>(top)) / (high - low));
        float sumL = 0;
        float sumLL = 0;
        float sumXL = 0;
        for (int i = 0; i < n; ++i) {
            const auto l = static_cast<float>(tried[static_cast<size_t>(i)]);
            sumL += w[i] * l;
            sumLL += w[i] * l * l;
            sumXL += w[i] * l * x[i];
        }
        const float determinant = sumW * sumLL - sumL * sumL;
        if (!(determinant > 0)) continue;
        float itsScale = (sumW * sumXL - sumX * sumL) / determinant;
        float itsOffset = (sumLL * sumX - sumL * sumXL) / determinant;
        if (itsOffset > 0) {
            itsOffset = 0;
            itsScale = sumXL / sumLL;
        }
        const float error = errorOf(itsScale, itsOffset);
        if (!(error < best)) continue;
        std::copy_n(tried.begin(), n, codes);
        best = error;
        scale = itsScale;
        offset = itsOffset;
    }
    minimum = -offset;
    return scale;
}

/// x >= 0, x ~ scale code, codes 0 .. top: nine starting scales, then moves of single codes.
float fitPositive(const float* x, int n, int top, const float* w, int* codes) {
    float high = 0;
    for (int i = 0; i < n; ++i) high = std::max(high, x[i]);
    std::fill(codes, codes + n, 0);
    if (high < kZeroRun) return 0;
    const auto errorOf = [&](float inverse, int limit) {
        const float scale = 1 / inverse;
        float error = 0;
        for (int i = 0; i < n; ++i) {
            const float d = x[i] - scale * static_cast<float>(std::min(limit, nearest(inverse * x[i])));
            error += w[i] * d * d;
        }
        return error;
    };
    float inverse = static_cast<float>(top) / high;
    float best = errorOf(inverse, top);
    for (int step = -4; step <= 4; ++step) {
        if (step == 0) continue;
        const float tried = (0.1F * static_cast<float>(step) + static_cast<float>(top)) / high;
        const float error = errorOf(tried, top);
        if (!(error < best)) continue;
        best = error;
        inverse = tried;
    }
    Fit fit;
    for (int i = 0; i < n; ++i) {
        codes[i] = std::min(top, nearest(inverse * x[i]));
        fit.add(w[i], x[i], static_cast<float>(codes[i]));
    }
    for (int round = 0; round < 5; ++round) {
        bool changed = false;
        for (int i = 0; i < n; ++i) {
            const auto old = static_cast<float>(codes[i]);
            Fit moved{fit.xl - w[i] * x[i] * old, fit.ll - w[i] * old * old};
            if (!(moved.xl > 0 && moved.ll > 0)) continue;
            const int l = std::min(top, nearest(x[i] * moved.ll / moved.xl));
            if (l == codes[i]) continue;
            moved.add(w[i], x[i], static_cast<float>(l));
            if (!(moved.xl * moved.xl * fit.ll > fit.xl * fit.xl * moved.ll)) continue;
            codes[i] = l;
            fit = moved;
            changed = true;
        }
        if (!changed) break;
    }
    return fit.ll > 0 ? fit.xl / fit.ll : 0.0F;
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
    for (int j = 0; j < 8; ++j) {
        const float* run = x + 32 * j;
        if (importance != nullptr) {
            importanceWeights(run, importance + 32 * j, sigma2, 32, w.data());
        } else {
            const float average = std::sqrt(sumOfSquares(run, 32) / 32);
            for (size_t l = 0; l < 32; ++l) w[l] = average + std::abs(run[l]);
        }
        const auto at = static_cast<size_t>(j);
        totals[at] = sumOf(w.data(), 32);
        scales[at] = fitWithMinimum(run, 32, top, w.data(), importance != nullptr ? kImportant : plain,
                                    codes.data() + 32 * j, minima[at]);
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
    for (int j = 0; j < 16; ++j) {
        const float* run = in + 16 * j;
        if (importance != nullptr)
            importanceWeights(run, importance + 16 * j, sigma2, 16, w.data());
        else
            for (size_t l = 0; l < 16; ++l) w[l] = std::abs(run[l]);
        const auto at = static_cast<size_t>(j);
        totals[at] = sumOf(w.data(), 16);
        scales[at] = fitWithMinimum(run, 16, 3, w.data(), importance != nullptr ? kImportant : kPlain,
                                    codes.data() + 16 * j, minima[at]);
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
    for (int j = 0; j < 16; ++j) {
        const float* run = in + 16 * j;
        const auto at = static_cast<size_t>(j);
        if (importance == nullptr) {
            scales[at] = fitByMoves(run, 16, 4, codes.data() + 16 * j);
            continue;
        }
        importanceWeights(run, importance + 16 * j, sigma2, 16, w.data());
        totals[at] = sumOf(w.data(), 16);
        scales[at] = fitSigned(run, 16, 4, w.data(), codes.data() + 16 * j);
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
    for (int j = 0; j < 16; ++j) {
        const float* w = importance != nullptr ? importance + 16 * j : nullptr;
        const float scale = fitSigned(in + 16 * j, 16, 32, w, codes.data() + 16 * j);
        scales[static_cast<size_t>(j)] = scale;
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

namespace {

template <class Block, int Size>
void encodeRow(const float* row, int64_t cols, const float* importance, std::byte* to) {
    for (int64_t col = 0; col < cols; col += Size) {
        Block block;
        encodeBlock(row + col, importance != nullptr ? importance + col : nullptr, block);
        std::memcpy(to + col / Size * static_cast<int64_t>(sizeof(Block)), &block, sizeof(Block));
    }
}

using RowEncoder = void (*)(const float* row, int64_t cols, const float* importance, std::byte* to);

RowEncoder encoderOf(DType dtype) {
    switch (dtype) {
        case DType::Q2_K:
            return encodeRow<BlockQ2K, kSuper>;
        case DType::Q3_K:
            return encodeRow<BlockQ3K, kSuper>;
        case DType::Q4_K:
            return encodeRow<BlockQ4K, kSuper>;
        case DType::Q5_K:
            return encodeRow<BlockQ5K, kSuper>;
        case DType::Q6_K:
            return encodeRow<BlockQ6K, kSuper>;
        case DType::IQ4_NL:
            return encodeRow<BlockIq4Nl, 32>;
        default:
            return nullptr;
    }
}

}  // namespace

Result<Tensor> encodeSuperBlocks(const Tensor& f32, DType dtype, std::span<const float> importance,
                                 const Job& job) {
    const RowEncoder encoder = encoderOf(dtype);
    const DTypeInfo& info = infoOf(dtype);
    if (encoder == nullptr)
        return fail(ErrorKind::Unsupported, fmt::format("there is no encoder for {}", info.name), "dtype",
                    "choose Q2_K .. Q6_K or IQ4_NL");
    const MatrixView w = f32.matrix();
    if (const int64_t bad = firstNonFinite(w.data, w.size()); bad >= 0)
        return fail(ErrorKind::InvalidArgument, fmt::format("element {} is {}", bad, w.data[bad]), "values",
                    "only finite numbers can be quantized");
    const auto bytes = bytesNeeded(dtype, f32.shape());
    if (!bytes) return fail(bytes.error());
    std::vector<std::byte> encoded(*bytes);
    const auto rowBytes = static_cast<int64_t>(*bytes) / std::max<int64_t>(1, w.rows);
    parallelFor(w.rows, 4, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end && !job.stopRequested(); ++r)
            encoder(w.row(r), w.cols, importance.empty() ? nullptr : importance.data(),
                    encoded.data() + r * rowBytes);
    });
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "encoding was stopped");
    return Tensor::fromBytes(dtype, f32.shape(), std::move(encoded));
}

}  // namespace quantscope
