// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/token_statistics.h"

#include <algorithm>
#include <cmath>

namespace quantscope {
namespace {

double percentile(const std::vector<double>& sorted, double fraction) {
    const double place = fraction * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    const double weight = place - static_cast<double>(below);
    return (1 - weight) * sorted[below] + weight * sorted[above];
}

double correlation(std::span<const double> x, std::span<const double> y) {
    const double meanX = meanWithError(x).mean;
    const double meanY = meanWithError(y).mean;
    double xx = 0;
    double yy = 0;
    double xy = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - meanX) * (x[i] - meanX);
        yy += (y[i] - meanY) * (y[i] - meanY);
        xy += (x[i] - meanX) * (y[i] - meanY);
    }
    return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 1;
}

}  // namespace

void TokenScores::reserve(size_t count) {
    nll.reserve(count);
    kl.reserve(count);
    sameTop.reserve(count);
}

void TokenScores::resize(size_t count) {
    nll.resize(count);
    kl.resize(count);
    sameTop.resize(count);
}

MeanWithError meanWithError(std::span<const double> values) {
    MeanWithError result;
    if (values.empty()) return result;
    const auto count = static_cast<double>(values.size());
    double sum = 0;
    for (const double value : values) sum += value;
    result.mean = sum / count;
    double squares = 0;  // around the mean: E[x^2] - E[x]^2 without the cancellation
    for (const double value : values) squares += (value - result.mean) * (value - result.mean);
    if (values.size() > 1) result.standardError = std::sqrt(squares / count / (count - 1));
    return result;
}

Percentiles percentilesOf(std::vector<double> values) {
    Percentiles p;
    if (values.empty()) return p;
    std::ranges::sort(values);
    p.minimum = values.front();
    p.p01 = percentile(values, 0.001);
    p.p1 = percentile(values, 0.01);
    p.p5 = percentile(values, 0.05);
    p.p10 = percentile(values, 0.10);
    p.p25 = percentile(values, 0.25);
    p.median = percentile(values, 0.5);
    p.p75 = percentile(values, 0.75);
    p.p90 = percentile(values, 0.90);
    p.p95 = percentile(values, 0.95);
    p.p99 = percentile(values, 0.99);
    p.p999 = percentile(values, 0.999);
    p.maximum = values.back();
    return p;
}

void fillStatistics(VariantScore& score, const TokenScores& reference, const TokenScores& variant,
                    size_t count, bool withPercentiles) {
    const std::span nll(variant.nll.data(), count);
    const std::span referenceNll(reference.nll.data(), count);
    const std::span kl(variant.kl.data(), count);
    score.tokens = static_cast<int64_t>(count);
    const MeanWithError own = meanWithError(nll);
    score.meanNll = own.mean;
    score.perplexity = std::exp(own.mean);
    score.perplexitySe = score.perplexity * own.standardError;

    std::vector<double> difference(count);
    std::vector<double> deltaP(count);
    std::vector<double> deltaPSquared(count);
    size_t same = 0;
    for (size_t i = 0; i < count; ++i) {
        difference[i] = nll[i] - referenceNll[i];
        deltaP[i] = std::exp(-nll[i]) - std::exp(-referenceNll[i]);
        deltaPSquared[i] = deltaP[i] * deltaP[i];
        same += variant.sameTop[i] != 0;
    }
    const MeanWithError delta = meanWithError(difference);
    score.deltaNll = delta.mean;
    score.deltaNllSe = delta.standardError;
    const MeanWithError divergence = meanWithError(kl);
    score.klMean = divergence.mean;
    score.klMeanSe = divergence.standardError;
    const MeanWithError p = meanWithError(deltaP);
    score.deltaPMean = p.mean;
    score.deltaPMeanSe = p.standardError;
    const MeanWithError square = meanWithError(deltaPSquared);
    score.deltaPRms = std::sqrt(square.mean);
    score.deltaPRmsSe = score.deltaPRms > 0 ? 0.5 / score.deltaPRms * square.standardError : 0;
    const auto n = static_cast<double>(count);
    score.top1Agreement = count == 0 ? 0 : static_cast<double>(same) / n;
    score.top1AgreementSe =
        count > 1 ? std::sqrt(score.top1Agreement * (1 - score.top1Agreement) / (n - 1)) : 0;
    score.nllCorrelation = correlation(nll, referenceNll);
    if (withPercentiles) {
        score.kl = percentilesOf({kl.begin(), kl.end()});
        score.deltaP = percentilesOf(std::move(deltaP));
    }
}

}  // namespace quantscope
