// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/method_comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quantscope {

std::vector<size_t> paretoFront(std::span<const TradeOff> points) {
    std::vector<size_t> order;
    for (size_t i = 0; i < points.size(); ++i)
        if (std::isfinite(points[i].cost) && std::isfinite(points[i].loss)) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return points[a].cost != points[b].cost ? points[a].cost < points[b].cost
                                                : points[a].loss < points[b].loss;
    });
    std::vector<size_t> front;
    double least = std::numeric_limits<double>::infinity();
    for (const size_t i : order) {
        if (!(points[i].loss < least)) continue;
        least = points[i].loss;
        front.push_back(i);
    }
    return front;
}

VariantComparison compareVariants(std::span<const VariantScore> scores, ComparedBy measure) {
    VariantComparison comparison;
    const bool perplexity = measure == ComparedBy::Perplexity;
    std::vector<TradeOff> points;
    for (size_t i = 0; i < scores.size(); ++i) {
        const VariantScore& score = scores[i];
        if (score.tokens == 0) continue;
        const double loss = perplexity ? score.perplexity : score.klMean;
        const double error = perplexity ? score.perplexity * score.deltaNllSe : score.klMeanSe;
        if (i == 0) comparison.reference = loss;
        comparison.variants.push_back({i, score.bitsPerWeight, loss, error});
        points.push_back({score.bitsPerWeight, loss});
    }
    comparison.front = paretoFront(points);
    return comparison;
}

}  // namespace quantscope
