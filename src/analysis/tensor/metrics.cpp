// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/metrics.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace quantscope {

namespace {

double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

double decibels(double signal, double noise) {
    if (noise > 0) return 10 * std::log10(signal / noise);
    return std::numeric_limits<double>::infinity();
}

double cosineOf(const ErrorSplit& split) {
    if (split.signalSse == 0 && split.outputSse == 0) return 1;
    const double product = split.signalSse * split.outputSse;
    return product > 0 ? split.dotProduct / std::sqrt(product) : 0;
}

void addCodeStatistics(Metrics& metrics, const CodeHistogram& codes) {
    if (codes.counts.empty()) return;
    const auto used =
        std::count_if(codes.counts.begin(), codes.counts.end(), [](uint64_t c) { return c > 0; });
    metrics.codeUse = static_cast<double>(used) / static_cast<double>(codes.counts.size());
    const auto total =
        static_cast<double>(std::accumulate(codes.counts.begin(), codes.counts.end(), uint64_t{0}));
    for (const uint64_t count : codes.counts) {
        if (count == 0) continue;
        const double p = static_cast<double>(count) / total;
        metrics.codeEntropyBits -= p * std::log2(p);
    }
}

}  // namespace

void CodeHistogram::merge(const CodeHistogram& other) {
    if (other.counts.empty()) return;
    if (counts.empty()) {
        *this = other;
        return;
    }
    assert(codeMin == other.codeMin && counts.size() == other.counts.size());
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
}

Metrics metricsOf(const ErrorSplit& split) {
    Metrics m;
    const auto count = static_cast<double>(split.count);
    m.clippingMse = ratio(split.clippingSse, count);
    m.roundingMse = ratio(split.roundingSse, count);
    m.mse = m.clippingMse + m.roundingMse;
    m.rmse = std::sqrt(m.mse);
    m.sqnrDb = decibels(split.signalSse, split.totalSse());
    m.maxAbs = static_cast<double>(split.maxAbs);
    m.cosine = cosineOf(split);
    m.relativeFrobenius = std::sqrt(ratio(split.totalSse(), split.signalSse));
    m.clippedShare = ratio(static_cast<double>(split.clippedCount), count);
    return m;
}

Metrics metricsOf(const ErrorSplit& split, const CodeHistogram& codes, double bitsPerWeight) {
    Metrics m = metricsOf(split);
    addCodeStatistics(m, codes);
    m.bitsPerWeight = bitsPerWeight;
    return m;
}

Metrics metricsWithoutCodes(const ErrorSplit& split, double bitsPerWeight) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    Metrics m = metricsOf(split, {}, bitsPerWeight);
    m.clippedShare = kNone;
    m.codeUse = kNone;
    m.codeEntropyBits = kNone;
    return m;
}

std::span<const TensorMetricInfo> tensorMetricInfos() {
    static const std::array<TensorMetricInfo, 12> infos{{
        {"bitsPerWeight", "bits / weight", "",
         "codes, scales, zero points and padding, in bits, over the number of weights",
         &Metrics::bitsPerWeight, false},
        {"sqnrDb", "SQNR", "dB", "10 log10( Σ r² / Σ (r − r̂)² ), one ratio over all elements",
         &Metrics::sqnrDb, true},
        {"mse", "MSE", "", "Σ (r − r̂)² / n", &Metrics::mse, false},
        {"clippingMse", "clipping", "", "the part of the MSE from elements outside the representable range",
         &Metrics::clippingMse, false},
        {"roundingMse", "rounding", "", "the part of the MSE from elements inside it", &Metrics::roundingMse,
         false},
        {"rmse", "RMSE", "", "√MSE; S / √12 for evenly spread rounding errors", &Metrics::rmse, false},
        {"maxAbs", "max |error|", "", "max |r − r̂|", &Metrics::maxAbs, false},
        {"cosine", "cosine", "", "Σ r r̂ / √( Σ r² Σ r̂² )", &Metrics::cosine, true},
        {"relativeFrobenius", "relative error", "", "‖R − R̂‖ / ‖R‖ (Frobenius)", &Metrics::relativeFrobenius,
         false},
        {"clippedShare", "clipped", "share", "elements outside the representable range / n",
         &Metrics::clippedShare, false},
        {"codeUse", "codes used", "share", "codes that occur / codes there are", &Metrics::codeUse, true},
        {"codeEntropyBits", "entropy", "bits",
         "−Σ p log2 p over the codes: bits a perfect compressor would need", &Metrics::codeEntropyBits, true},
    }};
    return infos;
}

}  // namespace quantscope
