// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <cmath>
#include <set>

#include "base/parallel_for.h"
#include "method_inputs.h"
#include "methods/aqlm.h"
#include "methods/interface/activation_transform.h"
#include "methods/interface/variant_text.h"
#include "methods/kmeans.h"
#include "methods/parts/e8_lattice.h"
#include "methods/parts/hadamard.h"

using namespace quantscope;
using namespace quantscope::test;

/// What methods are built of: clustering, calibration statistics, factors of Hessians, rotations.
class TestMethodParts : public QObject {
    Q_OBJECT
 private slots:
    void clusteringIsExact() {
        // {1, 2} {10} {20, 21, 22} whatever the order.
        const std::vector<float> values{21, 1, 10, 22, 2, 20};
        QCOMPARE(clusterValues(values, {}, 3), (std::vector<double>{1.5, 10, 21}));
        QCOMPARE(clusterValues(values, std::vector<double>{1, 3, 1, 1, 1, 1}, 3).front(), 1.25);
        QCOMPARE(clusterValues(std::vector<float>{5}, {}, 2).size(), size_t{2});
    }

    /// QuIP#'s codebook of 8 bits for 8 numbers: distinct points of E8, and the nearest is the nearest.
    void shortCodebookIsE8() {
        const E8Short book;
        std::set<E8Lattice::Point> points;
        for (int k = 0; k < E8Short::kPoints; ++k) {
            const E8Lattice::Point point = book.point(k);
            float sum = 0;
            float norm = 0;
            for (const float x : point) {
                sum += x;
                norm += x * x;
                QCOMPARE(std::nearbyint(2 * x), 2 * x);
                QCOMPARE(std::nearbyint(x - point[0]), x - point[0]);
            }
            QCOMPARE(std::fmod(sum, 2.0F), 0.0F);
            QVERIFY(norm <= 4);
            points.insert(point);
        }
        QCOMPARE(points.size(), size_t{256});
        GoldenNumbers numbers(9);
        for (int trial = 0; trial < 200; ++trial) {
            E8Lattice::Point x{};
            for (float& value : x) value = static_cast<float>(numbers.next());
            const auto distance = [&](const E8Lattice::Point& point) {
                float sum = 0;
                for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - point[i]) * (x[i] - point[i]);
                return sum;
            };
            float least = 1e9F;
            for (const auto& point : points) least = std::min(least, distance(point));
            QVERIFY(std::abs(distance(book.nearest(x)) - least) < 1e-4F);
        }
    }

    /// No step of AQLM adds error, codes are packed, and any number of threads gives the same.
    void additiveCodes() {
        const LayerInput layer = goldenLayer();
        const auto recipe = parseRecipe("aqlm/codebooks=2/bits=5/group=8/rounds=5");
        QVERIFY(recipe.has_value());
        const Aqlm aqlm;
        std::vector<double> errors;
        const auto code = aqlm.encode(layer, *recipe, errors, {});
        QVERIFY2(code.has_value(), code ? "" : describe(code.error()).c_str());
        QVERIFY(errors.size() >= 3);
        for (size_t i = 1; i < errors.size(); ++i) QVERIFY(errors[i] <= errors[i - 1] * (1 + 1e-6));
        QVERIFY(errors.back() < 0.7 * errors.front());
        QCOMPARE(code->packed.size(), size_t{16 * 128 / 8 * 2 * 5 / 8});
        QCOMPARE(code->bytes(), uint64_t{320 + 2 * (2 * 32 * 8 + 16)});
        const std::vector<float> values = decode(*code);
        const auto result = quantizeLayer(layer, *recipe, {});
        QVERIFY(result.has_value() && std::ranges::equal(result->values->floats(), values));
        limitThreadsOfCaller(1);
        const auto alone = quantizeLayer(layer, *recipe, {});
        limitThreadsOfCaller(availableCores());
        QVERIFY(alone.has_value() && std::ranges::equal(alone->values->floats(), values));
        std::stop_source stop;
        stop.request_stop();
        const auto stopped = quantizeLayer(layer, *recipe, Job(stop.get_token()));
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
    }

    void calibrationIsStreamed() {
        const Tensor x = goldenTokens();
        CalibrationCollector parts(128, {true, 20, 7});
        for (int64_t row = 0; row < 256; row += 100)
            parts.add({x.matrix().row(row), std::min<int64_t>(100, 256 - row), 128, 128});
        const CalibrationStatistics all = parts.finish();
        QCOMPARE(all.tokens, int64_t{256});
        QCOMPARE(all.sample.rows(), int64_t{20});
        for (int64_t i = 0; i < 128; i += 9) {
            for (int64_t j = 0; j < 128; j += 7) {
                double sum = 0;
                for (int64_t r = 0; r < 256; ++r)
                    sum +=
                        static_cast<double>(x.matrix().at(r, i)) * static_cast<double>(x.matrix().at(r, j));
                QVERIFY(std::abs(static_cast<double>(all.hessian[static_cast<size_t>(i * 128 + j)]) -
                                 sum / 256) <= 1e-5 * (1 + std::abs(sum / 256)));
            }
            QCOMPARE(all.absMax[static_cast<size_t>(i)], calibrationOf(x)->absMax[static_cast<size_t>(i)]);
        }
    }

    void rotationsAreOrthonormal_data() {
        QTest::addColumn<int>("n");
        QTest::addColumn<int>("order");
        for (const auto& [n, order] : {std::pair{1, 1},
                                       {8, 8},
                                       {12, 12},
                                       {20, 20},
                                       {28, 28},
                                       {36, 36},
                                       {192, 192},
                                       {576, 576},
                                       {1536, 1536},
                                       {6, 2},
                                       {7, 1},
                                       {52, 52}})
            QTest::addRow("%d", n) << n << order;
    }
    void rotationsAreOrthonormal() {
        QFETCH(int, n);
        QFETCH(int, order);
        const Hadamard hadamard(n);
        if (n != 52) QCOMPARE(hadamard.order(), static_cast<int64_t>(order));
        GoldenNumbers numbers(9);
        ActivationTransform transform;
        std::vector<float> x;
        std::vector<float> w;
        for (int j = 0; j < n; ++j) {
            transform.divisor.push_back(1 + static_cast<float>(j % 5));
            transform.signs.push_back(j % 3 == 0 ? -1.0F : 1.0F);
            transform.permutation.push_back((j * 5 + 3) % n);
            x.push_back(static_cast<float>(numbers.next()));
            w.push_back(static_cast<float>(numbers.next()));
        }
        if (n % 5 == 0) transform.permutation.clear();
        std::vector<float> moved(x.size());
        std::vector<float> movedWeight(x.size());
        applyTransform(transform, {x.data(), 1, n, n}, moved.data());
        transformWeight(transform, {w.data(), 1, n, n}, movedWeight.data());
        double before = 0;
        double after = 0;
        for (size_t j = 0; j < x.size(); ++j) {
            before += static_cast<double>(x[j]) * static_cast<double>(w[j]);
            after += static_cast<double>(moved[j]) * static_cast<double>(movedWeight[j]);
        }
        QVERIFY2(std::abs(before - after) < 1e-3, qPrintable(QString("%1 %2").arg(before).arg(after)));
        undoTransform(transform, {moved.data(), 1, n, n}, moved.data());
        restoreWeight(transform, {movedWeight.data(), 1, n, n}, movedWeight.data());
        for (size_t j = 0; j < x.size(); ++j) {
            QVERIFY(std::abs(moved[j] - x[j]) < 1e-4F);
            QVERIFY(std::abs(movedWeight[j] - w[j]) < 1e-4F);
        }
    }
};

QTEST_APPLESS_MAIN(TestMethodParts)
#include "test_method_parts.moc"
