// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel_for.h"
#include "tensor/sample.h"
#include "tensor/statistics.h"
#include "tensor/synthetic.h"

using namespace quantscope;

namespace {

Tensor numbered(int64_t rows, int64_t cols) {
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    return Tensor::fromFloats({rows, cols}, std::move(values));
}

/// Every sample element is the source element its indices name.
QByteArray mismatch(const MatrixSample& sample, const MatrixView& source) {
    for (int64_t i = 0; i < sample.view.rows; ++i)
        for (int64_t j = 0; j < sample.view.cols; ++j)
            if (sample.view.at(i, j) != source.at(sample.sourceRow(i), sample.sourceCol(j)))
                return "element " + QByteArray::number(i) + "," + QByteArray::number(j);
    return {};
}

}  // namespace

class TestSample : public QObject {
    Q_OBJECT

 private slots:
    void samplesAreWholeRowsFromEveryStratum_data() {
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<qint64>("cols");
        QTest::addColumn<qint64>("maxValues");
        QTest::addColumn<qint64>("rowRun");
        QTest::newRow("small enough") << 10LL << 10LL << 100LL << 1LL;
        QTest::newRow("rows") << 1000LL << 30LL << 3000LL << 1LL;
        QTest::newRow("row runs") << 1000LL << 30LL << 3000LL << 16LL;
        QTest::newRow("ragged run") << 1003LL << 30LL << 30LL * 990 << 16LL;
        QTest::newRow("run larger than the budget") << 1000LL << 30LL << 300LL << 128LL;
        QTest::newRow("one long row") << 1LL << 50000LL << 9000LL << 1LL;
        QTest::newRow("few long rows") << 20LL << 20000LL << 16LL * 8192 << 1LL;
        QTest::newRow("one value") << 7LL << 5LL << 1LL << 1LL;
    }
    void samplesAreWholeRowsFromEveryStratum() {
        QFETCH(qint64, rows);
        QFETCH(qint64, cols);
        QFETCH(qint64, maxValues);
        QFETCH(qint64, rowRun);
        const Tensor source = numbered(rows, cols);
        const SampleOptions options{maxValues, 3, rowRun};
        const MatrixSample sample = sampleMatrix(source.matrix(), options);
        const QByteArray message = mismatch(sample, source.matrix());
        QVERIFY2(message.isEmpty(), message.constData());
        QCOMPARE(sample.complete, rows * cols <= maxValues);
        QVERIFY(std::is_sorted(sample.rowIndex.begin(), sample.rowIndex.end()));
        QVERIFY(std::adjacent_find(sample.rowIndex.begin(), sample.rowIndex.end()) == sample.rowIndex.end());
        const int64_t unit = std::min<int64_t>(rowRun, rows) * std::min<int64_t>(cols, 4096);
        QVERIFY(sample.view.size() <= std::max<int64_t>(maxValues, unit));
        QVERIFY(std::abs(sample.inverseShare() * static_cast<double>(sample.view.size()) -
                         static_cast<double>(rows * cols)) < 1);
    }

    void sameSeedSameSample() {
        const Tensor source = numbered(5000, 20);
        const MatrixSample a = sampleMatrix(source.matrix(), {10000, 7, 1});
        const MatrixSample b = sampleMatrix(source.matrix(), {10000, 7, 1});
        const MatrixSample c = sampleMatrix(source.matrix(), {10000, 8, 1});
        QVERIFY(a.rowIndex == b.rowIndex);
        QVERIFY(a.rowIndex != c.rowIndex);
        QCOMPARE(a.view.rows, int64_t{500});
        for (int64_t s = 0; s < 500; ++s) QCOMPARE(a.rowIndex[static_cast<size_t>(s)] / 10, s);
    }

    void sampleEstimatesTheMoments() {
        SyntheticMatrix spec;
        spec.distribution = Distribution::Laplace;
        spec.rows = 4000;
        spec.cols = 256;
        const Tensor source = generate(spec).value();
        const MatrixSample sample = sampleMatrix(source.matrix(), {1 << 16, 1, 1});
        const Moments all = momentsOf(source.matrix(), Job()).value();
        const Moments some = momentsOf(sample.view, Job()).value();
        QVERIFY(std::abs(some.standardDeviation() / all.standardDeviation() - 1) < 0.02);
    }

    void extremesAreExactAndOrdered() {
        SyntheticMatrix spec;
        spec.distribution = Distribution::StudentT;
        spec.degreesOfFreedom = 2;
        spec.rows = 700;
        spec.cols = 1001;
        const Tensor source = generate(spec).value();
        const MatrixExtremes extremes = extremesOf(source.matrix(), 100, Job()).value();
        std::vector<float> sorted(source.floats().begin(), source.floats().end());
        QCOMPARE(extremes.minimum, *std::min_element(sorted.begin(), sorted.end()));
        QCOMPARE(extremes.maximum, *std::max_element(sorted.begin(), sorted.end()));
        std::sort(sorted.begin(), sorted.end(), [](float a, float b) { return std::abs(a) > std::abs(b); });
        QCOMPARE(extremes.top.size(), size_t{100});
        for (size_t i = 0; i < 100; ++i) {
            QCOMPARE(std::abs(extremes.top[i].value), std::abs(sorted[i]));
            QCOMPARE(source.matrix().at(extremes.top[i].row, extremes.top[i].col), extremes.top[i].value);
        }
        limitThreadsOfCaller(1);
        QVERIFY(extremesOf(source.matrix(), 100, Job()).value() == extremes);
        limitThreadsOfCaller(availableCores());
    }

    void extremesOfOddMatrices() {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        const float inf = std::numeric_limits<float>::infinity();
        const std::vector<float> values{nan, -inf, 2, 2, -2, inf, 1};
        const MatrixView view{values.data(), 1, 7, 7};
        const MatrixExtremes some = extremesOf(view, 3, Job()).value();
        QCOMPARE(some.minimum, -2.0F);
        QCOMPARE(some.maximum, 2.0F);
        QVERIFY((some.top == std::vector<LocatedValue>{{2, 0, 2}, {2, 0, 3}, {-2, 0, 4}}));
        QCOMPARE(extremesOf(view, 0, Job()).value().top.size(), size_t{0});
        const MatrixExtremes none = extremesOf(MatrixView{}, 5, Job()).value();
        QCOMPARE(none.absMax(), 0.0F);
        QVERIFY(none.top.empty());
        const std::vector<float> onlyBad(300, nan);
        QCOMPARE(extremesOf(MatrixView{onlyBad.data(), 3, 100, 100}, 5, Job()).value().absMax(), 0.0F);
    }
};

QTEST_APPLESS_MAIN(TestSample)
#include "test_sample.moc"
