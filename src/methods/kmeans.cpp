// SPDX-License-Identifier: Apache-2.0
#include "methods/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/parallel_for.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/level_codes.h"
#include "methods/parts/stored_values.h"
#include "quant/packing.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr size_t kExact = 8192;

/// Sorted values with running sums of w, w x and w x^2: the cost of any interval in constant time.
struct Sorted {
    std::vector<double> x;
    std::vector<double> w;
    std::vector<double> wx;
    std::vector<double> wxx;
    std::vector<double>
        inverse;  ///< 1 / n for n = 0 .. size(), where all weights are 1: quicker than dividing

    Sorted(std::span<const float> values, std::span<const double> weights) {
        std::vector<size_t> order(values.size());
        std::iota(order.begin(), order.end(), size_t{0});
        std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
        w.assign(1, 0);
        wx.assign(1, 0);
        wxx.assign(1, 0);
        for (const size_t i : order) {
            const auto value = static_cast<double>(values[i]);
            const double weight = weights.empty() ? 1 : weights[i];
            x.push_back(value);
            w.push_back(w.back() + weight);
            wx.push_back(wx.back() + weight * value);
            wxx.push_back(wxx.back() + weight * value * value);
        }
        if (!weights.empty()) return;
        inverse.assign(1, 0);
        for (size_t i = 1; i <= values.size(); ++i) inverse.push_back(1 / static_cast<double>(i));
    }
    [[nodiscard]] size_t size() const { return x.size(); }
    [[nodiscard]] double cost(size_t begin, size_t end) const {
        const double sum = wx[end] - wx[begin];
        const double squares = wxx[end] - wxx[begin];
        if (!inverse.empty()) return std::max(0.0, squares - sum * sum * inverse[end - begin]);
        const double weight = w[end] - w[begin];
        return weight > 0 ? std::max(0.0, squares - sum * sum / weight) : 0.0;
    }
    [[nodiscard]] double mean(size_t begin, size_t end) const {
        const double weight = w[end] - w[begin];
        if (weight > 0) return (wx[end] - wx[begin]) / weight;
        return x[std::min(begin, size() - 1)];
    }
};

/// Where the clusters begin and end, exact: costs[k][i] of the first i values in k + 1 clusters; the best
/// split grows with i, so that each level takes n log n (Wu 1991; Groenlund et al. 2017).
std::vector<size_t> exactBounds(const Sorted& data, size_t clusters) {
    const size_t n = data.size();
    std::vector<double> before(n + 1);
    std::vector<double> now(n + 1);
    std::vector<std::vector<uint16_t>> splits(clusters, std::vector<uint16_t>(n + 1, 0));
    for (size_t i = 0; i <= n; ++i) before[i] = data.cost(0, i);
    for (size_t k = 1; k < clusters; ++k) {
        const auto solve = [&](const auto& self, size_t low, size_t high, size_t splitLow,
                               size_t splitHigh) -> void {
            if (low > high) return;
            const size_t middle = (low + high) / 2;
            double least = std::numeric_limits<double>::infinity();
            size_t best = splitLow;
            for (size_t s = splitLow; s <= std::min(middle, splitHigh); ++s) {
                const double cost = before[s] + data.cost(s, middle);
                best = cost < least ? s : best;  // a branch would be predicted wrongly about half of the time
                least = std::min(least, cost);
            }
            now[middle] = least;
            splits[k][middle] = static_cast<uint16_t>(best);
            if (middle > low) self(self, low, middle - 1, splitLow, best);
            self(self, middle + 1, high, best, splitHigh);
        };
        // The last level needs only the split of all values.
        if (k + 1 < clusters)
            solve(solve, 0, n, 0, n);
        else
            solve(solve, n, n, 0, n);
        std::swap(before, now);
    }
    std::vector<size_t> bounds(clusters + 1, 0);
    bounds[clusters] = n;
    for (size_t k = clusters - 1; k > 0; --k) bounds[k] = splits[k][bounds[k + 1]];
    return bounds;
}

std::vector<size_t> lloydBounds(const Sorted& data, size_t clusters) {
    constexpr int kSteps = 200;
    const size_t n = data.size();
    std::vector<size_t> bounds(clusters + 1);
    for (size_t k = 0; k <= clusters; ++k) bounds[k] = k * n / clusters;
    for (int step = 0; step < kSteps; ++step) {
        std::vector<size_t> next = bounds;
        for (size_t k = 1; k < clusters; ++k) {
            const double middle =
                (data.mean(bounds[k - 1], bounds[k]) + data.mean(bounds[k], bounds[k + 1])) / 2;
            next[k] =
                static_cast<size_t>(std::lower_bound(data.x.begin(), data.x.end(), middle) - data.x.begin());
        }
        for (size_t k = 1; k <= clusters; ++k) next[k] = std::max(next[k], next[k - 1]);
        if (next == bounds) break;
        bounds = std::move(next);
    }
    return bounds;
}

}  // namespace

std::vector<double> clusterValues(std::span<const float> values, std::span<const double> weights,
                                  int clusters) {
    const Sorted data(values, weights);
    const auto k = static_cast<size_t>(clusters);
    if (data.size() == 0) return std::vector<double>(k, 0.0);
    const std::vector<size_t> bounds = data.size() <= kExact ? exactBounds(data, k) : lloydBounds(data, k);
    std::vector<double> centroids(k);
    for (size_t i = 0; i < k; ++i) centroids[i] = data.mean(bounds[i], std::max(bounds[i], bounds[i + 1]));
    std::sort(centroids.begin(), centroids.end());
    return centroids;
}

const MethodInfo& KMeans::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "kmeans";
        info.label = "K-means codebook";
        info.source = "Han et al., Deep Compression, ICLR 2016; Kim et al., SqueezeLLM, ICML 2024";
        info.help =
            "2^b shared values: argmin over centroids c of sum h_j (w - c(w))^2, h_j = 1 or the mean "
            "square of input j";
        info.needs = CalibrationNeed::MeanSquares;
        info.kind = MethodKind::Learned;
        info.scheme.bits = 4;
        info.schemeRules = {{"granularity",
                             {"tensor", "channel"},
                             {ErrorKind::Unsupported,
                              "a codebook belongs to a tensor or an output channel",
                              {},
                              "granularity",
                              "choose tensor or channel"}},
                            {"bits",
                             {"2", "3", "4", "5", "6", "7", "8"},
                             {ErrorKind::Unsupported,
                              "a codebook of 65,536 values is no compression",
                              {},
                              "bits",
                              "choose 2 .. 8 bits"}}};
        info.ignoredOfScheme = {"convention",    "mapping",     "range",        "signed",
                                "includes-zero", "rounding",    "seed",         "inverse",
                                "zero-domain",   "zero-inside", "scale-format", "encode-unrounded"};
        for (std::string& key : rangeKeys()) info.ignoredOfScheme.push_back(std::move(key));
        info.parameters = {toggleParameter("sensitive", "Weigh by inputs",
                                           "errors count as much as the mean square of their input"),
                           inputsParameter()};
        return info;
    }();
    return kInfo;
}

CalibrationNeed KMeans::needs(const Recipe& recipe) const {
    return MethodOptions(info(), recipe).toggle("sensitive") ? CalibrationNeed::MeanSquares
                                                             : CalibrationNeed::None;
}

double KMeans::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const int64_t codebooks = recipe.scheme.granularity == Granularity::Tensor ? 1 : rows;
    return static_cast<double>(rows * packedBytes(cols, recipe.scheme.bits) +
                               codebooks * 2 * (int64_t{1} << recipe.scheme.bits));
}

Result<LayerResult> KMeans::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const Scheme& scheme = recipe.scheme;
    const MatrixView w = input.weight.matrix();
    const bool whole = scheme.granularity == Granularity::Tensor;
    const bool sensitive = MethodOptions(info(), recipe).toggle("sensitive");
    const int64_t rowsOfBook = whole ? w.rows : 1;
    std::vector<float> values(static_cast<size_t>(w.size()));
    parallelFor(whole ? 1 : w.rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t book = begin; book < end; ++book) {
            if (job.stopRequested()) return;
            const std::span<const float> own(w.row(book), static_cast<size_t>(rowsOfBook * w.cols));
            std::vector<double> weights;
            for (size_t i = 0; sensitive && i < own.size(); ++i)
                weights.push_back(input.calibration->meanSquare[i % static_cast<size_t>(w.cols)]);
            std::vector<float> levels;
            for (const double c : clusterValues(own, weights, 1 << scheme.bits))
                levels.push_back(floatFromF16(f16FromFloat(static_cast<float>(c))));
            std::vector<float> bounds;
            for (size_t k = 1; k < levels.size(); ++k) bounds.push_back((levels[k - 1] + levels[k]) / 2);
            float* to = values.data() + book * rowsOfBook * w.cols;
            for (size_t i = 0; i < own.size(); ++i)
                to[i] = levels[static_cast<size_t>(std::lower_bound(bounds.begin(), bounds.end(), own[i]) -
                                                   bounds.begin())];
        }
    });
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "k-means was stopped");
    return valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
}

CodesAnswer KMeans::elementCodes(const Tensor&, const Recipe& recipe, const LayerResult& result) const {
    const bool whole = recipe.scheme.granularity == Granularity::Tensor;
    return {std::make_shared<const StoredCodes>(
                codebookCodes(result.values->matrix(), whole, 1 << recipe.scheme.bits)),
            {}};
}

}  // namespace quantscope
