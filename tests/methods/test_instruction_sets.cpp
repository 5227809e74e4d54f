// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "methods/parts/codeword_search.h"
#include "methods/parts/e8_lattice.h"
#include "methods/parts/hqq_step.h"
#include "methods/parts/learned_rounding.h"
#include "numerics/linear_algebra.h"

using namespace quantscope;

namespace {

std::vector<float> normals(int64_t count, uint64_t seed) {
    const CounterRandom random(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
    return values;
}

double squaredDistance(const float* a, const float* b, int64_t dim) {
    double sum = 0;
    for (int64_t d = 0; d < dim; ++d) {
        const double away = static_cast<double>(a[d]) - static_cast<double>(b[d]);
        sum += away * away;
    }
    return sum;
}

}  // namespace

/// Loops that are compiled for several instruction sets, each set that the machine has against plain code.
class TestInstructionSets : public QObject {
    Q_OBJECT
 private slots:
    void nearestWords() {
        for (const InstructionSet set : instructionSets())
            for (const int64_t dim : {1, 2, 8, 11})
                for (const int64_t count : {1, 2, 16, 50, 256}) nearest(set, dim, count);
    }

    /// Offsets of another metric: the least of (c - x)^T H (c - x).
    void weighedWords() {
        constexpr int64_t kDim = 4;
        constexpr int64_t kCount = 20;
        const std::vector<float> words = normals(kCount * kDim, 3);
        const std::vector<float> root = normals(kDim * kDim, 4);
        std::vector<float> h(kDim * kDim);
        for (size_t i = 0; i < kDim; ++i)
            for (size_t j = 0; j < kDim; ++j)
                for (size_t p = 0; p < kDim; ++p) h[i * kDim + j] += root[p * kDim + i] * root[p * kDim + j];
        CodewordTable table(words, kCount, kDim);
        table.weigh(h.data(), kDim);
        for (uint64_t trial = 0; trial < 50; ++trial) {
            const std::vector<float> x = normals(kDim, 100 + trial);
            std::vector<float> pulled(kDim);
            for (size_t i = 0; i < kDim; ++i)
                for (size_t j = 0; j < kDim; ++j) pulled[i] += h[i * kDim + j] * x[j];
            std::vector<double> errors;
            for (size_t k = 0; k < kCount; ++k) {
                double error = 0;
                for (size_t i = 0; i < kDim; ++i)
                    for (size_t j = 0; j < kDim; ++j)
                        error += static_cast<double>((words[k * kDim + i] - x[i]) * h[i * kDim + j] *
                                                     (words[k * kDim + j] - x[j]));
                errors.push_back(error);
            }
            int32_t best = -1;
            table.nearest(pulled.data(), {&best, 1});
            QVERIFY(errors[static_cast<size_t>(best)] <= *std::ranges::min_element(errors) + 1e-4);
        }
    }

    void distancesOfAllPoints() {
        constexpr int64_t kDim = 3;
        constexpr int64_t kCount = 300;
        const std::vector<float> points = normals(kCount * kDim, 5);
        const PointTable table(points, kDim);
        std::vector<float> known(static_cast<size_t>(table.stride()));
        std::fill_n(known.begin(), kCount, 2.0F);
        for (const InstructionSet set : instructionSets()) {
            std::vector<float> least(known.size(), -1.0F);
            std::vector<double> sums(static_cast<size_t>(table.runs()));
            table.approach(points.data(), known.data(), least.data(), sums.data(), set);
            double sum = 0;
            for (int64_t i = 0; i < table.stride(); ++i) {
                const double expected =
                    i < kCount ? std::min(2.0, squaredDistance(points.data(), points.data() + i * kDim, kDim))
                               : 0.0;
                QVERIFY(std::abs(static_cast<double>(least[static_cast<size_t>(i)]) - expected) < 1e-5);
                sum += static_cast<double>(least[static_cast<size_t>(i)]);
            }
            QVERIFY(std::abs(std::accumulate(sums.begin(), sums.end(), 0.0) - sum) < 1e-6);
        }
    }

    /// The same point whatever the vectors' width, bit by bit.
    void latticePoints() {
        const E8Lattice lattice;
        const CounterRandom random(11);
        for (uint64_t trial = 0; trial < 500; ++trial) {
            E8Lattice::Point x{};
            for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(trial * 8 + i));
            const E8Lattice::Point expected = lattice.nearest(x, InstructionSet::Baseline);
            for (const InstructionSet set : instructionSets()) QCOMPARE(lattice.nearest(x, set), expected);
        }
    }

    /// Small errors, that all shrink to 0, and large ones.
    void halfQuadraticSteps() {
        for (const InstructionSet set : instructionSets())
            for (const int64_t count : {1, 7, 64, 300})
                for (const float scale : {0.05F, 1.0F, 30.0F})
                    for (const float norm : {0.1F, 0.7F, 1.0F})
                        for (const float beta : {1.0F, 10.0F, 1e4F}) {
                            std::vector<float> w = normals(count, 31);
                            for (float& value : w) value *= scale;
                            halfQuadratic(set, w, norm, beta);
                        }
    }

    void learnedRoundingStep() {
        constexpr size_t kCount = 37;
        RoundingPlaces places;
        places.low = -2;
        places.high = 1;
        const std::vector<float> weights = normals(kCount, 21);
        const std::vector<float> gradients = normals(kCount, 22);
        for (const float w : weights) {
            places.scales.push_back(0.5F);
            places.zeros.push_back(0);
            places.floors.push_back(std::floor(w / 0.5F));
        }
        const LearnedRounding::Step step{0, 0.7F, 0.3F, 5.0F};
        for (const InstructionSet set : instructionSets()) {
            LearnedRounding learned(places, 0, weights, 0.05F, set);
            std::vector<float> before(kCount);
            learned.difference(before);
            learned.descend(step, gradients);
            std::vector<float> after(kCount);
            learned.difference(after);
            for (size_t i = 0; i < kCount; ++i) {
                const double h = fraction(places, weights[i], i);
                const double code = static_cast<double>(places.floors[i]) + std::clamp(h, 0.0, 1.0);
                const double start = std::clamp(code, -2.0, 1.0) * 0.5 - static_cast<double>(weights[i]);
                QVERIFY(std::abs(static_cast<double>(before[i]) - start) < 1e-5);
                QVERIFY(std::abs(static_cast<double>(after[i]) -
                                 afterOneStep(places, weights[i], gradients[i], i, step)) < 1e-5);
            }
        }
    }

 private:
    /// Three steps against plain code, bit by bit.
    static void halfQuadratic(InstructionSet set, const std::vector<float>& w, float norm, float beta) {
        constexpr float kCodes = 7;
        const HqqShrinkage shrinkage(beta, norm);
        HqqGroup found{kCodes / (4 * std::abs(w[0])), 3.3F};
        HqqGroup expected = found;
        const auto codeOf = [&](float value) {
            return std::clamp(std::nearbyint(value * expected.inverse + expected.zero), 0.0F, kCodes);
        };
        for (int step = 0; step < 3; ++step) {
            double errors = 0;
            double zeros = 0;
            for (const float value : w) {
                const float q = codeOf(value);
                const float error = value - (q - expected.zero) / expected.inverse;
                const float less = norm == 1 ? 1 / beta : (1 / beta) * std::pow(std::abs(error), norm - 1);
                const float shrunk = std::copysign(std::max(std::abs(error) - less, 0.0F), error);
                errors += static_cast<double>(std::abs(error));
                zeros += static_cast<double>(q - (value - shrunk) * expected.inverse);
            }
            expected.zero = static_cast<float>(zeros / static_cast<double>(w.size()));
            QCOMPARE(hqqStep(w, kCodes, shrinkage, found, set), errors);
            QCOMPARE(found.zero, expected.zero);
        }
        std::vector<int32_t> codes(w.size());
        hqqCodes(w, kCodes, found, codes.data(), set);
        for (size_t i = 0; i < w.size(); ++i) QCOMPARE(codes[i], static_cast<int32_t>(codeOf(w[i])));
    }

    static double fraction(const RoundingPlaces& places, float weight, size_t i) {
        return static_cast<double>(weight / places.scales[i] - places.floors[i]);
    }

    /// W~ - W after Adam's first step, in doubles: its first step is the rate against the gradient's sign.
    static double afterOneStep(const RoundingPlaces& places, float weight, float gradient, size_t i,
                               const LearnedRounding::Step& step) {
        const double scale = static_cast<double>(places.scales[i]);
        const double h = fraction(places, weight, i);
        const double sigmoid = (h + 0.1) / 1.2;
        const double code = static_cast<double>(places.floors[i]) + h;
        const double first =
            code >= -2 && code <= 1 ? 2 * static_cast<double>(step.weight * gradient) * scale : 0.0;
        const double beta = static_cast<double>(step.beta);
        const double second = -2 * static_cast<double>(step.lambda) * beta *
                              std::pow(std::abs(2 * h - 1), beta - 1) * (2 * h - 1 < 0 ? -1 : 1);
        const double slope = (first + second) * sigmoid * (1 - sigmoid) * 1.2;
        const double v = -std::log(1 / sigmoid - 1) - 0.05 * slope / (std::abs(slope) + 1e-8);
        const double up = std::clamp(1.2 / (1 + std::exp(-v)) - 0.1, 0.0, 1.0);
        const double moved = std::clamp(static_cast<double>(places.floors[i]) + up, -2.0, 1.0);
        return moved * scale - static_cast<double>(weight);
    }

    static void nearest(InstructionSet set, int64_t dim, int64_t count) {
        constexpr int64_t kPoints = 21;
        const std::vector<float> words = normals(count * dim, 6);
        const std::vector<float> points = normals(kPoints * dim, 7);
        const CodewordTable table(words, count, dim);
        std::vector<int32_t> best(kPoints, -1);
        table.nearest(points.data(), best, set);
        std::vector<float> scores;
        for (int64_t p = 0; p < kPoints; ++p) {
            std::vector<double> distances;
            for (int64_t k = 0; k < count; ++k)
                distances.push_back(squaredDistance(points.data() + p * dim, words.data() + k * dim, dim));
            const auto at = [&](int32_t k) { return distances.at(static_cast<size_t>(k)); };
            std::vector<double> sorted = distances;
            std::ranges::sort(sorted);
            QVERIFY(at(best[static_cast<size_t>(p)]) <= sorted.front() + 1e-5);
            std::vector<int32_t> few(static_cast<size_t>(std::min<int64_t>(count, 4)));
            table.nearestFew(points.data() + p * dim, few, scores, set);
            for (size_t i = 0; i < few.size(); ++i) QVERIFY(std::abs(at(few[i]) - sorted[i]) < 1e-5);
        }
    }
};

QTEST_APPLESS_MAIN(TestInstructionSets)
#include "test_instruction_sets.moc"
