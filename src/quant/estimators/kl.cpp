// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/kl.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/blocks/block_pass.h"

namespace quantscope {
namespace {

constexpr int kBins = 2048;
constexpr int kCandidates = 64;

/// A bin that is not empty; small groups leave most of the 2,048 empty.
struct Bin {
    int index;
    double count;
};

/// KL(P || Q) in nats of the histogram cut after `cut` bins and merged into `levels` runs; see the header.
/// Infinite if Q has an empty bin where P has not (the added tail alone). Bin i lies in run
/// ((i + 1) levels - 1) / cut, so that run k begins at floor(k cut / levels).
double divergence(const std::vector<Bin>& bins, int cut, int levels, double total) {
    size_t used = 0;
    double inside = 0;
    for (; used < bins.size() && bins[used].index < cut; ++used) inside += bins[used].count;
    const double tail = total - inside;
    if (used == 0 || (tail > 0 && bins[used - 1].index != cut - 1)) return HUGE_VAL;
    const auto levelOf = [&](size_t i) {
        return (static_cast<int64_t>(bins[i].index + 1) * levels - 1) / cut;
    };
    double sum = 0;
    for (size_t begin = 0, end = 0; begin < used; begin = end) {
        double run = 0;
        for (; end < used && levelOf(end) == levelOf(begin); ++end) run += bins[end].count;
        const double q = run / static_cast<double>(end - begin) / inside;
        for (size_t i = begin; i < end; ++i) {
            const double p = (bins[i].count + (bins[i].index == cut - 1 ? tail : 0)) / total;
            sum += p * std::log(p / q);
        }
    }
    return sum;
}

std::vector<double> histogramOfMagnitudes(const MatrixView& block, float absmax) {
    std::vector<double> counts(kBins, 0.0);
    const double perUnit = kBins / static_cast<double>(absmax);
    for (int64_t r = 0; r < block.rows; ++r) {
        const float* row = block.row(r);
        for (int64_t c = 0; c < block.cols; ++c) {
            const double bin = std::abs(static_cast<double>(row[c])) * perUnit;
            counts[static_cast<size_t>(std::min(bin, kBins - 1.0))] += 1;
        }
    }
    return counts;
}

}  // namespace

Range klRange(const MatrixView& block, const Scheme& scheme) {
    BlockExtremes extremes;
    for (int64_t r = 0; r < block.rows; ++r) extremes.add(block.row(r), block.cols);
    const float absmax = std::max(std::abs(extremes.low), std::abs(extremes.high));
    const int levels = 1 << (scheme.bits - 1);
    if (absmax == 0 || levels >= kBins) return {extremes.low, extremes.high, false};

    const std::vector<double> counts = histogramOfMagnitudes(block, absmax);
    std::vector<Bin> bins;
    for (int i = 0; i < kBins; ++i)
        if (counts[static_cast<size_t>(i)] > 0) bins.push_back({i, counts[static_cast<size_t>(i)]});
    const auto total = static_cast<double>(block.size());
    int best = kBins;
    double bestDivergence = divergence(bins, kBins, levels, total);
    for (int candidate = kCandidates - 1; candidate >= 0; --candidate) {
        const int cut = levels + (kBins - levels) * candidate / kCandidates;
        const double value = divergence(bins, cut, levels, total);
        if (value < bestDivergence) {
            bestDivergence = value;
            best = cut;
        }
    }
    if (best == kBins) return {extremes.low, extremes.high, false};
    const float threshold =
        static_cast<float>(static_cast<double>(absmax) * static_cast<double>(best) / kBins);
    return {std::max(extremes.low, -threshold), std::min(extremes.high, threshold), false};
}

}  // namespace quantscope
