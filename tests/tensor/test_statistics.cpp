// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel_for.h"
#include "tensor/histogram.h"
#include "tensor/statistics.h"
#include "tensor/synthetic.h"

using namespace quantscope;

namespace {

/// Textbook two-pass moments.
Moments naive(const std::vector<float>& values) {
    Moments m;
    long double sum = 0;
    for (const float x : values) {
        if (std::isnan(x)) ++m.nanCount;
        if (std::isinf(x)) ++m.infCount;
        if (!std::isfinite(x)) continue;
        m.minimum = m.count == 0 ? x : std::min(m.minimum, x);
        m.maximum = m.count == 0 ? x : std::max(m.maximum, x);
        if (x == 0) ++m.zeroCount;
        ++m.count;
        sum += x;
    }
    if (m.count == 0) return m;
    m.mean = static_cast<double>(sum / m.count);
    for (const float x : values) {
        if (!std::isfinite(x)) continue;
        const double d = static_cast<double>(x) - m.mean;
        m.m2 += d * d;
        m.m3 += d * d * d;
        m.m4 += d * d * d * d;
    }
    return m;
}

bool near(double a, double b, double relative) {
    return a == b || std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

QByteArray difference(const Moments& a, const Moments& b) {
    if (a.count != b.count || a.nanCount != b.nanCount || a.infCount != b.infCount ||
        a.zeroCount != b.zeroCount)
        return "counts differ";
    if (a.minimum != b.minimum || a.maximum != b.maximum) return "extremes differ";
    const double size = std::sqrt(b.variance()) + std::abs(b.mean);
    if (std::abs(a.mean - b.mean) > 1e-12 * size) return "means differ";
    if (!near(a.m2, b.m2, 1e-10) || !near(a.m4, b.m4, 1e-10)) return "even moments differ";
    if (std::abs(a.m3 - b.m3) > 1e-9 * std::pow(b.m2, 1.5)) return "third moments differ";
    return {};
}

MatrixView asRow(const std::vector<float>& values) {
    const auto n = static_cast<int64_t>(values.size());
    return {values.data(), 1, n, n};
}

}  // namespace

class TestStatistics : public QObject {
    Q_OBJECT

 private slots:
    void momentsAgreeWithTwoPasses_data() {
        QTest::addColumn<std::vector<float>>("values");
        const float nan = std::numeric_limits<float>::quiet_NaN();
        const float inf = std::numeric_limits<float>::infinity();
        QTest::newRow("empty") << std::vector<float>{};
        QTest::newRow("one") << std::vector<float>{-3.5F};
        QTest::newRow("constant") << std::vector<float>(100, 2.5F);
        QTest::newRow("zeros") << std::vector<float>(9, 0.0F);
        QTest::newRow("nan and inf") << std::vector<float>{1, nan, -2, inf, 0, -inf, 5, nan};
        QTest::newRow("only nan") << std::vector<float>{nan, nan};
        QTest::newRow("huge") << std::vector<float>{3e38F, -3e38F, 1e38F};
        for (const int n : {7, 8, 9, 2047, 2048, 2049, 10000}) {
            std::vector<float> values;
            for (int i = 0; i < n; ++i)
                values.push_back(static_cast<float>(std::sin(i * 0.7) * 3 + 100 + i % 5));
            QTest::addRow("far from zero %d", n) << values;
        }
    }
    void momentsAgreeWithTwoPasses() {
        QFETCH(std::vector<float>, values);
        const QByteArray message = difference(momentsOf(values), naive(values));
        QVERIFY2(message.isEmpty(), message.constData());
    }

    void mergingEqualsTheWhole() {
        std::vector<float> values;
        for (int i = 0; i < 5000; ++i) values.push_back(static_cast<float>(std::exp(std::cos(i * 1.3) * 2)));
        for (const size_t cut : {size_t{0}, size_t{1}, size_t{999}, size_t{4999}, size_t{5000}}) {
            const std::span<const float> all(values);
            Moments left = momentsOf(all.subspan(0, cut));
            left.merge(momentsOf(all.subspan(cut)));
            const QByteArray message = difference(left, naive(values));
            QVERIFY2(message.isEmpty(), message.constData());
        }
    }

    void matrixSkipsPaddingAndIgnoresThreadCount() {
        std::vector<float> padded;
        std::vector<float> plain;
        for (int row = 0; row < 1200; ++row)
            for (int col = 0; col < 1003; ++col) {
                const float x = static_cast<float>(std::sin(row * 3.1 + col));
                padded.push_back(col < 1000 ? x : 1e9F);
                if (col < 1000) plain.push_back(x);
            }
        const MatrixView view{padded.data(), 1200, 1000, 1003};
        limitThreadsOfCaller(1);
        const Moments one = momentsOf(view, Job()).value();
        limitThreadsOfCaller(4);
        const Moments four = momentsOf(view, Job()).value();
        limitThreadsOfCaller(availableCores());
        QVERIFY(one == four);
        const QByteArray message = difference(one, naive(plain));
        QVERIFY2(message.isEmpty(), message.constData());
    }

    void stopsWhenAsked() {
        const std::vector<float> values(1 << 20, 1.0F);
        std::stop_source stop;
        stop.request_stop();
        const auto result = momentsOf(asRow(values), Job(stop.get_token()));
        QVERIFY(!result);
        QCOMPARE(result.error().kind, ErrorKind::Cancelled);
    }

    void distributionsHaveTheirMoments_data() {
        QTest::addColumn<int>("distribution");
        QTest::addColumn<double>("deviation");
        QTest::addColumn<double>("kurtosis");
        QTest::addColumn<double>("kurtosisTolerance");
        QTest::newRow("normal") << int(Distribution::Normal) << 2.0 << 3.0 << 0.05;
        QTest::newRow("laplace") << int(Distribution::Laplace) << 2 * std::sqrt(2.0) << 6.0 << 0.3;
        // t with 10 degrees of freedom: variance 10/8, kurtosis 3 + 6/6.
        QTest::newRow("student-t") << int(Distribution::StudentT) << 2 * std::sqrt(1.25) << 4.0 << 0.2;
        QTest::newRow("uniform") << int(Distribution::Uniform) << 2 / std::sqrt(3.0) << 1.8 << 0.02;
        // ±3 + N(0,1): variance 10, fourth moment 81 + 6*9 + 3 = 138.
        QTest::newRow("bimodal") << int(Distribution::Bimodal) << 2 * std::sqrt(10.0) << 1.38 << 0.02;
        // 8 of 512 columns times 20: variance 1 + 399/64, kurtosis 3 (1 + 159999/64) / variance^2.
        QTest::newRow("outliers") << int(Distribution::OutlierChannels) << 2 * std::sqrt(1 + 399.0 / 64)
                                  << 3 * (1 + 159999.0 / 64) / std::pow(1 + 399.0 / 64, 2) << 5.0;
    }
    void distributionsHaveTheirMoments() {
        QFETCH(int, distribution);
        QFETCH(double, deviation);
        QFETCH(double, kurtosis);
        QFETCH(double, kurtosisTolerance);
        SyntheticMatrix matrix;
        matrix.distribution = static_cast<Distribution>(distribution);
        matrix.rows = 512;
        matrix.cols = 512;
        matrix.scale = 2;
        matrix.degreesOfFreedom = 10;
        matrix.outlierCount = 8;
        const Moments m = momentsOf(generate(matrix).value().matrix(), Job()).value();
        QCOMPARE(m.count, int64_t{512 * 512});
        QVERIFY(std::abs(m.mean) < 0.02 * deviation);
        QVERIFY(std::abs(m.standardDeviation() / deviation - 1) < 0.02);
        QVERIFY(std::abs(m.kurtosis() - kurtosis) < kurtosisTolerance);
        QVERIFY(std::abs(m.skewness()) < 0.2);
    }

    void generationIsPure() {
        SyntheticMatrix matrix;
        matrix.rows = 300;
        matrix.cols = 700;
        limitThreadsOfCaller(1);
        const Tensor one = generate(matrix).value();
        limitThreadsOfCaller(3);
        const Tensor three = generate(matrix).value();
        limitThreadsOfCaller(availableCores());
        QVERIFY(std::equal(one.floats().begin(), one.floats().end(), three.floats().begin()));
        matrix.seed = 2;
        const Tensor other = generate(matrix).value();
        QVERIFY(!std::equal(one.floats().begin(), one.floats().end(), other.floats().begin()));
    }

    void outlierColumnsAreTheRightNumber() {
        SyntheticMatrix matrix;
        matrix.distribution = Distribution::OutlierChannels;
        matrix.rows = 400;
        matrix.cols = 96;
        matrix.outlierCount = 5;
        const Tensor tensor = generate(matrix).value();
        int large = 0;
        for (int64_t col = 0; col < 96; ++col) {
            double sum = 0;
            for (int64_t row = 0; row < 400; ++row) sum += std::pow(tensor.matrix().at(row, col), 2);
            if (sum / 400 > 100) ++large;
        }
        QCOMPARE(large, 5);
    }

    void badParametersAreNamed_data() {
        QTest::addColumn<QString>("field");
        for (const char* field : {"rows", "cols", "scale", "nu", "separation", "outliers", "factor"})
            QTest::newRow(field) << field;
    }
    void badParametersAreNamed() {
        QFETCH(QString, field);
        SyntheticMatrix matrix;
        if (field == "rows") matrix.rows = 0;
        if (field == "cols") matrix.cols = int64_t{1} << 60;
        if (field == "scale") matrix.scale = -1;
        if (field == "nu") matrix.degreesOfFreedom = 0;
        if (field == "separation") matrix.separation = std::numeric_limits<double>::infinity();
        if (field == "outliers") matrix.outlierCount = -1;
        if (field == "factor") matrix.outlierFactor = std::numeric_limits<double>::quiet_NaN();
        const auto result = generate(matrix);
        QVERIFY(!result);
        QCOMPARE(QString::fromStdString(result.error().field), field);
    }

    void histogramCountsEdges() {
        Histogram h = makeHistogram(-1, 1, 4);
        const float nan = std::numeric_limits<float>::quiet_NaN();
        const std::vector<float> values{-1,     -0.75F, -0.5F, 0,
                                        0.499F, 0.5F,   1,     1.001F,
                                        -1.5F,  -2,     nan,   std::numeric_limits<float>::infinity()};
        addTo(h, values);
        QVERIFY((h.counts == std::vector<uint64_t>{2, 1, 2, 2}));
        QCOMPARE(h.underflow, uint64_t{2});
        QCOMPARE(h.overflow, uint64_t{2});
        QCOMPARE(h.total(), uint64_t{11});
        QCOMPARE(h.largestCount(), uint64_t{2});
        QCOMPARE(h.binWidth(), 0.5);
        QCOMPARE(h.binLow(1), -0.5);
        QCOMPARE(h.binCentre(3), 0.75);
    }

    void histogramOfOneValueHasWidth() {
        Histogram h = makeHistogram(3, 3, 10);
        const std::vector<float> values(5, 3.0F);
        addTo(h, values);
        QVERIFY(h.low < 3 && h.high > 3);
        QCOMPARE(h.largestCount(), uint64_t{5});
        QCOMPARE(h.underflow + h.overflow, uint64_t{0});
    }

    void histogramsMerge() {
        Histogram all = makeHistogram(0, 10, 5), left = all, right = all, none;
        const std::vector<float> values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1};
        addTo(all, values);
        addTo(left, std::span<const float>(values).subspan(0, 6));
        addTo(right, std::span<const float>(values).subspan(6));
        none.merge(left);
        none.merge(right);
        none.merge(Histogram());
        QVERIFY(none == all);
    }

    void histogramOfTheWholeFloatRangeIsFinite() {
        const float huge = std::numeric_limits<float>::max();
        Histogram h = makeHistogram(-huge, huge, 8);
        const std::vector<float> values{0, -huge, huge};
        addTo(h, values);
        QCOMPARE(h.total(), uint64_t{3});
        QVERIFY(std::isfinite(h.binWidth()));
    }
};

QTEST_APPLESS_MAIN(TestStatistics)
#include "test_statistics.moc"
