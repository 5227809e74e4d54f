// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/outliers.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace quantscope {

namespace {

constexpr size_t kTopChannels = 32;

double share(int64_t part, int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string blockOf(const ActivationStatistics& statistics) {
    const size_t dot = statistics.layer.rfind('.');
    return dot == std::string::npos ? statistics.layer : statistics.layer.substr(0, dot);
}

LayerOutliers outliersOf(const ActivationStatistics& layer, const OutlierCriterion& criterion) {
    LayerOutliers result;
    result.layer = layer.layer;
    if (layer.channels() == 0) return result;
    std::vector<int64_t> order(layer.absMax.size());
    std::iota(order.begin(), order.end(), 0);
    const auto absMax = [&](int64_t c) { return layer.absMax[static_cast<size_t>(c)]; };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return absMax(a) > absMax(b); });
    result.absMaxChannel = order.front();
    result.absMax = static_cast<double>(absMax(order.front()));
    result.medianAbsMax = static_cast<double>(absMax(order[order.size() / 2]));
    for (const int64_t large : layer.largeTokens) {
        if (large == 0) continue;
        ++result.largeChannels;
        if (share(large, layer.tokens) >= criterion.tokenShare) ++result.frequentChannels;
    }
    for (size_t i = 0; i < std::min(kTopChannels, order.size()); ++i) {
        const auto channel = static_cast<size_t>(order[i]);
        result.top.push_back({order[i], static_cast<double>(layer.absMax[channel]), 0,
                              share(layer.largeTokens[channel], layer.tokens)});
    }
    return result;
}

/// Sums over the layers of one family. A block with two inputs of the family counts as one layer.
struct FamilySums {
    std::set<std::string> blocks;
    int64_t tokens = 0;
    std::vector<std::set<std::string>> blocksWithLarge;
    std::vector<int64_t> largeTokens;
    std::vector<float> absMax;

    void add(const ActivationStatistics& layer) {
        const size_t channels = layer.absMax.size();
        if (absMax.empty()) {
            absMax.resize(channels);
            largeTokens.resize(channels);
            blocksWithLarge.resize(channels);
        }
        if (channels != absMax.size()) return;
        const std::string block = blockOf(layer);
        blocks.insert(block);
        tokens += layer.tokens;
        for (size_t c = 0; c < channels; ++c) {
            absMax[c] = std::max(absMax[c], layer.absMax[c]);
            largeTokens[c] += layer.largeTokens[c];
            if (layer.largeTokens[c] > 0) blocksWithLarge[c].insert(block);
        }
    }
};

OutlierFamily familyOf(const std::string& name, const FamilySums& sums, const OutlierCriterion& criterion) {
    OutlierFamily family;
    family.family = name;
    family.channels = static_cast<int64_t>(sums.absMax.size());
    family.layers = static_cast<int64_t>(sums.blocks.size());
    for (size_t c = 0; c < sums.absMax.size(); ++c) {
        const double layers = share(static_cast<int64_t>(sums.blocksWithLarge[c].size()), family.layers);
        const double tokens = share(sums.largeTokens[c], sums.tokens);
        if (sums.largeTokens[c] == 0 || layers < criterion.layerShare || tokens < criterion.tokenShare)
            continue;
        family.features.push_back(
            {static_cast<int64_t>(c), static_cast<double>(sums.absMax[c]), layers, tokens});
    }
    std::stable_sort(family.features.begin(), family.features.end(),
                     [](const OutlierFeature& a, const OutlierFeature& b) { return a.absMax > b.absMax; });
    return family;
}

}  // namespace

void ActivationStatistics::add(const MatrixView& activations) {
    if (absMax.empty()) {
        absMax.resize(static_cast<size_t>(activations.cols));
        largeTokens.resize(absMax.size());
        sumOfSquares.resize(absMax.size());
    }
    assert(activations.cols == channels());
    for (int64_t row = 0; row < activations.rows; ++row)
        for (size_t c = 0; c < absMax.size(); ++c) {
            const float value = activations.row(row)[c];
            const float magnitude = std::abs(value);
            absMax[c] = magnitude > absMax[c] ? magnitude : absMax[c];
            if (static_cast<double>(magnitude) >= threshold) ++largeTokens[c];
            sumOfSquares[c] += static_cast<double>(value) * static_cast<double>(value);
        }
    tokens += activations.rows;
}

void ActivationStatistics::merge(const ActivationStatistics& other) {
    if (other.absMax.empty()) return;
    if (absMax.empty()) {
        *this = other;
        return;
    }
    assert(other.channels() == channels());
    for (size_t c = 0; c < absMax.size(); ++c) {
        absMax[c] = std::max(absMax[c], other.absMax[c]);
        largeTokens[c] += other.largeTokens[c];
        sumOfSquares[c] += other.sumOfSquares[c];
    }
    tokens += other.tokens;
}

OutlierReport findOutliers(std::span<const ActivationStatistics> layers, const OutlierCriterion& criterion) {
    OutlierReport report;
    report.criterion = criterion;
    std::map<std::string, FamilySums> families;
    for (const ActivationStatistics& layer : layers) {
        report.layers.push_back(outliersOf(layer, criterion));
        if (!layer.repeatsInput) families[layer.family].add(layer);
    }
    for (const auto& [name, sums] : families) report.families.push_back(familyOf(name, sums, criterion));
    return report;
}

}  // namespace quantscope
