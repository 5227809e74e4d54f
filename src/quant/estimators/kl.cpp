// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/kl.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/block_pass.h"

namespace quantscope {
namespace {

constexpr int kBins = 2048;
constexpr int kCandidates = 64;

/// KL(P || Q) in nats of the histogram cut after `cut` bins and merged into `levels` runs; see the header.
/// Infinite if Q has an empty bin where P has not (the added tail alone).
double divergence(const std::vector<double>& counts, int cut, int levels, double tail) {
    double divergenceSum = 0;
    double total = tail;
    for (int i = 0; i < cut; ++i) total += counts[static_cast<size_t>(i)];
    const double cutTotal = total - tail;
    if (cutTotal <= 0) return HUGE_VAL;
    for (int level = 0; level < levels; ++level) {
        const auto begin = static_cast<int>(static_cast<int64_t>(level) * cut / levels);
        const auto end = static_cast<int>(static_cast<int64_t>(level + 1) * cut / levels);
        double sum = 0;
        int occupied = 0;
        for (int i = begin; i < end; ++i) {
            sum += counts[static_cast<size_t>(i)];
            occupied += counts[static_cast<size_t>(i)] > 0 ? 1 : 0;
        }
        const double q = occupied == 0 ? 0 : sum / occupied / cutTotal;
        for (int i = begin; i < end; ++i) {
            const double count = counts[static_cast<size_t>(i)];
            const double p = (count + (i == cut - 1 ? tail : 0)) / total;
            if (p == 0) continue;
            if (count == 0) return HUGE_VAL;
            divergenceSum += p * std::log(p / q);
        }
    }
    return divergenceSum;
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
    int best = kBins;
    double bestDivergence = divergence(counts, kBins, levels, 0);
    double tail = 0;
    int tailBegin = kBins;
    for (int candidate = kCandidates - 1; candidate >= 0; --candidate) {
        const int cut = levels + (kBins - levels) * candidate / kCandidates;
        while (tailBegin > cut) tail += counts[static_cast<size_t>(--tailBegin)];
        const double value = divergence(counts, cut, levels, tail);
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
