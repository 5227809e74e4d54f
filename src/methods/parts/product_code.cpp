// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/product_code.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "base/parallel_for.h"
#include "base/random.h"
#include "methods/parts/codeword_search.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr int64_t kTraining = 16384;
constexpr int64_t kSteps = 25;
constexpr int kRestarts = 10;  ///< k-means runs of a small set; the best is kept

float squaredDistance(const float* a, const float* b, int64_t dim) {
    float sum = 0;
    for (int64_t i = 0; i < dim; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/// Subvectors [n x dim] and their nearest prototypes.
struct Points {
    const std::vector<float>& values;
    int64_t dim;
    [[nodiscard]] int64_t count() const { return static_cast<int64_t>(values.size()) / dim; }
    [[nodiscard]] const float* at(int64_t i) const { return values.data() + i * dim; }
};

/// The nearest prototypes; returns the sum of squared distances.
double assign(const Points& points, const std::vector<float>& prototypes, int64_t clusters,
              std::vector<int32_t>& codes) {
    const int64_t dim = points.dim;
    const CodewordTable table(prototypes, clusters, dim);
    codes.resize(static_cast<size_t>(points.count()));
    return parallelReduce<double>(
        points.count(), 512,
        [&](int64_t begin, int64_t end) {
            table.nearest(points.at(begin), std::span(codes).subspan(static_cast<size_t>(begin),
                                                                     static_cast<size_t>(end - begin)));
            double sum = 0;
            for (int64_t i = begin; i < end; ++i)
                sum += static_cast<double>(squaredDistance(
                    points.at(i), prototypes.data() + codes[static_cast<size_t>(i)] * dim, dim));
            return sum;
        },
        [](double& total, double part) { total += part; });
}

/// Squared distances of all points to the prototypes so far, and their sums a run.
struct Distances {
    std::vector<float> least;
    std::vector<double> sums;
    [[nodiscard]] double total() const { return std::accumulate(sums.begin(), sums.end(), 0.0); }
};

/// A point drawn with a probability proportional to its distance.
int64_t draw(const Distances& distances, int64_t count, double uniform) {
    double left = uniform * distances.total();
    size_t run = 0;
    while (run + 1 < distances.sums.size() && left >= distances.sums[run]) left -= distances.sums[run++];
    int64_t chosen = static_cast<int64_t>(run) * PointTable::kRun;
    const int64_t last = std::min(count, chosen + PointTable::kRun) - 1;
    while (chosen < last && left >= static_cast<double>(distances.least[static_cast<size_t>(chosen)]))
        left -= static_cast<double>(distances.least[static_cast<size_t>(chosen++)]);
    return chosen;
}

/// Greedy k-means++ (Arthur and Vassilvitskii 2007): of a few points drawn by their distance to the
/// prototypes so far, the one that leaves the least sum of distances is the next prototype.
std::vector<float> firstPrototypes(const Points& points, int64_t clusters, const CounterRandom& random,
                                   uint64_t& draws) {
    const int64_t count = points.count();
    const auto trials = static_cast<int>(2 + std::log(static_cast<double>(clusters)));
    const PointTable table(points.values, points.dim);
    const auto room = [&] {
        return Distances{std::vector<float>(static_cast<size_t>(table.stride())),
                         std::vector<double>(static_cast<size_t>(table.runs()))};
    };
    std::vector<float> prototypes;
    Distances known = room();
    std::fill_n(known.least.begin(), count, std::numeric_limits<float>::infinity());
    Distances best = room();
    Distances its = room();
    for (int64_t k = 0; k < clusters; ++k) {
        double least = std::numeric_limits<double>::infinity();
        int64_t chosen = 0;
        for (int trial = 0; trial < (k == 0 ? 1 : trials); ++trial) {
            const double uniform = random.uniform(draws++);
            const int64_t candidate = k == 0 ? static_cast<int64_t>(uniform * static_cast<double>(count))
                                             : draw(known, count, uniform);
            table.approach(points.at(candidate), known.least.data(), its.least.data(), its.sums.data());
            const double sum = its.total();
            if (trial > 0 && !(sum < least)) continue;
            least = sum;
            std::swap(best, its);
            chosen = candidate;
        }
        prototypes.insert(prototypes.end(), points.at(chosen), points.at(chosen) + points.dim);
        std::swap(known, best);
    }
    return prototypes;
}

void moveToMeans(const Points& points, const std::vector<int32_t>& codes, int64_t clusters,
                 std::vector<float>& prototypes) {
    std::vector<double> sums(prototypes.size());
    std::vector<int64_t> counts(static_cast<size_t>(clusters));
    for (int64_t i = 0; i < points.count(); ++i) {
        const auto code = static_cast<int64_t>(codes[static_cast<size_t>(i)]);
        ++counts[static_cast<size_t>(code)];
        for (int64_t j = 0; j < points.dim; ++j)
            sums[static_cast<size_t>(code * points.dim + j)] += static_cast<double>(points.at(i)[j]);
    }
    for (int64_t k = 0; k < clusters; ++k) {
        if (counts[static_cast<size_t>(k)] == 0) continue;  // an empty one stays where it is
        for (int64_t j = 0; j < points.dim; ++j)
            prototypes[static_cast<size_t>(k * points.dim + j)] =
                static_cast<float>(sums[static_cast<size_t>(k * points.dim + j)] /
                                   static_cast<double>(counts[static_cast<size_t>(k)]));
    }
}

std::vector<float> learn(const Points& points, int64_t clusters, const CounterRandom& random, uint64_t& draws,
                         const Job& job) {
    std::vector<float> best;
    double least = std::numeric_limits<double>::infinity();
    const int runs = points.count() <= 4096 ? kRestarts : 1;
    for (int run = 0; run < runs; ++run) {
        std::vector<float> prototypes = firstPrototypes(points, clusters, random, draws);
        std::vector<int32_t> codes;
        double before = std::numeric_limits<double>::infinity();
        for (int64_t step = 0; step < kSteps * (runs > 1 ? 4 : 1) && !job.stopRequested(); ++step) {
            const double error = assign(points, prototypes, clusters, codes);
            if (!(error < before)) break;
            before = error;
            moveToMeans(points, codes, clusters, prototypes);
        }
        if (!(before < least)) continue;
        least = before;
        best = std::move(prototypes);
    }
    return best;
}

}  // namespace

ProductCode productQuantize(const MatrixView& matrix, int64_t dim, int64_t clusters, bool shared,
                            uint64_t seed, const Job& job) {
    ProductCode code{matrix.rows, matrix.cols, dim, clusters, shared, {}, {}};
    const int64_t spaces = code.subspaces();
    code.codes.resize(static_cast<size_t>(matrix.rows * spaces));
    const CounterRandom random(seed, 0x90D0C7);
    uint64_t draws = 0;
    const auto subvector = [&](int64_t row, int64_t space, std::vector<float>& to) {
        for (int64_t i = space * dim; i < (space + 1) * dim; ++i)
            to.push_back(i < matrix.cols ? matrix.at(row, i) : 0.0F);
    };
    for (int64_t first = 0; first < spaces; first += shared ? spaces : 1) {
        std::vector<float> values;
        const int64_t last = shared ? spaces : first + 1;
        for (int64_t r = 0; r < matrix.rows; ++r)
            for (int64_t space = first; space < last; ++space) subvector(r, space, values);
        const Points all{values, dim};
        std::vector<float> training;
        const int64_t take = std::min(kTraining, all.count());
        for (int64_t i = 0; i < take; ++i) {
            const float* from = all.at(i * all.count() / take);
            training.insert(training.end(), from, from + dim);
        }
        std::vector<float> prototypes = learn({training, dim}, clusters, random, draws, job);
        prototypes.resize(static_cast<size_t>(clusters * dim));
        for (float& value : prototypes) value = floatFromF16(f16FromFloat(value));
        std::vector<int32_t> codes;
        assign(all, prototypes, clusters, codes);
        for (int64_t r = 0; r < matrix.rows; ++r)
            for (int64_t space = first; space < last; ++space)
                code.codes[static_cast<size_t>(r * spaces + space)] =
                    codes[static_cast<size_t>(r * (last - first) + space - first)];
        code.prototypes.insert(code.prototypes.end(), prototypes.begin(), prototypes.end());
    }
    return code;
}

std::vector<float> decode(const ProductCode& code) {
    std::vector<float> values(static_cast<size_t>(code.rows * code.cols));
    const int64_t spaces = code.subspaces();
    for (int64_t r = 0; r < code.rows; ++r)
        for (int64_t c = 0; c < code.cols; ++c) {
            const int64_t space = c / code.dim;
            const float* prototype =
                code.prototype(space, code.codes[static_cast<size_t>(r * spaces + space)]);
            values[static_cast<size_t>(r * code.cols + c)] = prototype[c % code.dim];
        }
    return values;
}

std::vector<float> tableProduct(const ProductCode& code, std::span<const float> x) {
    const int64_t spaces = code.subspaces();
    std::vector<float> tables(static_cast<size_t>(spaces * code.clusters));
    for (int64_t space = 0; space < spaces; ++space)
        for (int64_t k = 0; k < code.clusters; ++k) {
            float sum = 0;
            for (int64_t i = 0; i < code.dim && space * code.dim + i < code.cols; ++i)
                sum += code.prototype(space, k)[i] * x[static_cast<size_t>(space * code.dim + i)];
            tables[static_cast<size_t>(space * code.clusters + k)] = sum;
        }
    std::vector<float> y(static_cast<size_t>(code.rows));
    for (int64_t r = 0; r < code.rows; ++r)
        for (int64_t space = 0; space < spaces; ++space)
            y[static_cast<size_t>(r)] += tables[static_cast<size_t>(
                space * code.clusters + code.codes[static_cast<size_t>(r * spaces + space)])];
    return y;
}

}  // namespace quantscope
