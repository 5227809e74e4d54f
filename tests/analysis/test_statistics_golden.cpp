// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <fstream>
#include <map>
#include <sstream>

#include "analysis/tensor/tensor_report.h"
#include "naive_report.h"
#include "support/paths.h"
#include "tensor/histogram.h"

using namespace quantscope;

namespace {

/// The matrix of tests/golden/analysis/make_statistics.py.
std::vector<float> goldenMatrix() {
    std::vector<float> values;
    for (int64_t n = 0; n < 2000; ++n) {
        const float base = static_cast<float>(n * 7919 % 1009 - 504) / 64.0F;
        values.push_back(base * base * base / 16.0F);
    }
    return values;
}

std::map<std::string, double> readGolden() {
    std::ifstream file(test::sourcePath("tests/golden/analysis/statistics.txt"));
    std::map<std::string, double> golden;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        std::string name;
        double value = 0;
        if (words >> name >> value) golden[name] = value;
    }
    return golden;
}

}  // namespace

class TestStatisticsGolden : public QObject {
    Q_OBJECT

 private slots:
    void agreesWithNumpy() {
        const auto golden = readGolden();
        QCOMPARE(golden.size(), size_t{4 + 11 + 32 + 2});
        const std::vector<float> values = goldenMatrix();
        const TensorStage stage = analyzeTensor(MatrixView{values.data(), 40, 50, 50}, Job()).value();
        const Moments& m = stage.report.moments;
        QVERIFY(nearly(m.mean, golden.at("mean"), 1e-9, 1e-12));
        QVERIFY(nearly(m.standardDeviation(), golden.at("std"), 1e-9));
        QVERIFY(nearly(m.skewness(), golden.at("skewness"), 1e-9, 1e-12));
        QVERIFY(nearly(m.kurtosis(), golden.at("kurtosis"), 1e-9));
        QCOMPARE(stage.report.percentiles.size(), size_t{11});
        for (const ValuePercentile& p : stage.report.percentiles) {
            std::ostringstream name;
            name << "percentile" << p.percent;
            QVERIFY2(nearly(p.value, golden.at(name.str()), 1e-9, 1e-12), name.str().c_str());
        }
        // No edge at zero: the bin formula works in float, where 20 - 1e-7 is 20.
        Histogram histogram = makeHistogram(-20.3125F, 19.6875F, 32);
        addTo(histogram, values);
        for (int i = 0; i < 32; ++i)
            QCOMPARE(static_cast<double>(histogram.counts[static_cast<size_t>(i)]),
                     golden.at("bin" + std::to_string(i)));
        QCOMPARE(static_cast<double>(histogram.underflow), golden.at("below"));
        QCOMPARE(static_cast<double>(histogram.overflow), golden.at("above"));
    }
};

QTEST_APPLESS_MAIN(TestStatisticsGolden)
#include "test_statistics_golden.moc"
