// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <algorithm>
#include <numeric>

#include "analysis/tensor/channel_report.h"
#include "analysis/tensor/element_arithmetic.h"
#include "analysis/tensor/heatmap.h"
#include "base/cpu_features.h"
#include "base/parallel_for.h"
#include "naive_report.h"
#include "tensor/synthetic.h"

using namespace quantscope;

namespace {

Tensor laplace(int64_t rows, int64_t cols) {
    SyntheticMatrix matrix;
    matrix.distribution = Distribution::Laplace;
    matrix.rows = rows;
    matrix.cols = cols;
    return generate(matrix).value();
}

const KernelTable& bestKernels() {
    return *chooseKernels(detectCpuFeatures()).value();
}

/// numpy.percentile of one channel.
double percentile(std::vector<float> values, double percent) {
    std::sort(values.begin(), values.end());
    const double position = percent / 100 * static_cast<double>(values.size() - 1);
    const auto low = static_cast<size_t>(position);
    const auto high = std::min(low + 1, values.size() - 1);
    const double part = position - static_cast<double>(low);
    return static_cast<double>(values[low]) * (1 - part) + static_cast<double>(values[high]) * part;
}

std::vector<float> channelOf(const MatrixView& matrix, ChannelAxis axis, int64_t channel) {
    std::vector<float> values;
    if (axis == ChannelAxis::Output)
        for (int64_t j = 0; j < matrix.cols; ++j) values.push_back(matrix.at(channel, j));
    else
        for (int64_t i = 0; i < matrix.rows; ++i) values.push_back(matrix.at(i, channel));
    return values;
}

/// One cell of a picture, element by element.
float naiveCell(const std::vector<float>& values, int64_t cols, const HeatMap& map, int64_t row,
                int64_t col) {
    const int64_t top = map.region.rowBegin + row * map.rowsPerCell;
    const int64_t left = map.region.colBegin + col * map.colsPerCell;
    float largest = 0;
    double sum = 0;
    int count = 0;
    for (int64_t i = top; i < std::min(top + map.rowsPerCell, map.region.rowEnd); ++i)
        for (int64_t j = left; j < std::min(left + map.colsPerCell, map.region.colEnd); ++j) {
            const float value = values[static_cast<size_t>(i * cols + j)];
            if (std::abs(value) > std::abs(largest)) largest = value;
            sum += static_cast<double>(value);
            ++count;
        }
    return map.pooling == Pooling::MaxAbs ? largest : static_cast<float>(sum / count);
}

std::string mapDifference(const HeatMap& map, const std::vector<float>& values, int64_t cols) {
    if (map.values.size() != static_cast<size_t>(map.rows * map.cols)) return "size";
    for (int64_t i = 0; i < map.rows; ++i)
        for (int64_t j = 0; j < map.cols; ++j)
            if (!nearly(map.at(i, j), naiveCell(values, cols, map, i, j), 1e-6, 1e-7))
                return "cell " + std::to_string(i) + "," + std::to_string(j);
    if (map.minimum != *std::min_element(map.values.begin(), map.values.end())) return "minimum";
    if (map.maximum != *std::max_element(map.values.begin(), map.values.end())) return "maximum";
    return {};
}

}  // namespace

class TestPictures : public QObject {
    Q_OBJECT

 private slots:
    void channelsAgreeWithTextbook_data() {
        QTest::addColumn<bool>("byRow");
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<qint64>("cols");
        for (const bool byRow : {true, false})
            for (const auto& [rows, cols] :
                 {std::pair(1, 1), std::pair(1, 40), std::pair(40, 1), std::pair(700, 33)})
                QTest::addRow("%s %dx%d", byRow ? "rows" : "columns", rows, cols)
                    << byRow << qint64{rows} << qint64{cols};
    }
    void channelsAgreeWithTextbook() {
        QFETCH(bool, byRow);
        QFETCH(qint64, rows);
        QFETCH(qint64, cols);
        const ChannelAxis axis = byRow ? ChannelAxis::Output : ChannelAxis::Input;
        const Tensor tensor = laplace(rows, cols);
        const ChannelReport report = channelReport(tensor.matrix(), axis, Job()).value();
        QCOMPARE(report.channels(), byRow ? rows : cols);
        QVERIFY(report.percentilesExact);
        for (int64_t channel = 0; channel < report.channels(); ++channel) {
            const std::vector<float> values = channelOf(tensor.matrix(), axis, channel);
            const auto c = static_cast<size_t>(channel);
            double mean = 0, m2 = 0, m4 = 0;
            float largest = 0;
            for (const float x : values) mean += static_cast<double>(x) / static_cast<double>(values.size());
            for (const float x : values) {
                const double d = static_cast<double>(x) - mean;
                m2 += d * d / static_cast<double>(values.size());
                m4 += d * d * d * d / static_cast<double>(values.size());
                largest = std::max(largest, std::abs(x));
            }
            QCOMPARE(report.absMax[c], largest);
            QVERIFY(nearly(report.mean[c], mean, 1e-5, 1e-6));
            QVERIFY(nearly(report.standardDeviation[c], std::sqrt(m2), 1e-5));
            QVERIFY(nearly(report.kurtosis[c], values.size() > 1 ? m4 / (m2 * m2) : 0, 1e-5));
            QVERIFY(nearly(report.p1[c], percentile(values, 1), 1e-5, 1e-7));
            QVERIFY(nearly(report.p25[c], percentile(values, 25), 1e-5, 1e-7));
            QVERIFY(nearly(report.median[c], percentile(values, 50), 1e-5, 1e-7));
            QVERIFY(nearly(report.p75[c], percentile(values, 75), 1e-5, 1e-7));
            QVERIFY(nearly(report.p99[c], percentile(values, 99), 1e-5, 1e-7));
        }
    }

    void longChannelsAreSampled() {
        const Tensor tensor = laplace(20000, 8);
        const ChannelReport report = channelReport(tensor.matrix(), ChannelAxis::Input, Job()).value();
        QVERIFY(!report.percentilesExact);
        // Quartiles of Laplace(1): ± ln 2.
        for (size_t c = 0; c < 8; ++c) {
            QVERIFY(std::abs(report.p75[c] - 0.693F) < 0.08F);
            QVERIFY(std::abs(report.median[c]) < 0.08F);
        }
        QVERIFY(channelReport(MatrixView{}, ChannelAxis::Input, Job()).value().absMax.empty());
    }

    void outliersStandOut() {
        SyntheticMatrix matrix;
        matrix.distribution = Distribution::OutlierChannels;
        matrix.rows = 300;
        matrix.cols = 200;
        matrix.outlierCount = 4;
        const Tensor tensor = generate(matrix).value();
        const ChannelReport report = channelReport(tensor.matrix(), ChannelAxis::Input, Job()).value();
        const auto outliers = outlierChannels(report, 5, 100);
        QCOMPARE(outliers.size(), size_t{4});
        QCOMPARE(outlierChannels(report, 5, 2).size(), size_t{2});
        const auto ranked = rankChannels(report.absMax);
        QVERIFY(std::equal(outliers.begin(), outliers.end(), ranked.begin()));
    }

    void ranksAndBars() {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        QVERIFY((rankChannels(std::vector<float>{1, 3, nan, 3, 2}) == std::vector<int64_t>{1, 3, 4, 0, 2}));
        std::vector<float> values(10001, 1);
        values[7777] = 9;
        const PooledBars bars = poolBars(values);
        QVERIFY(static_cast<int64_t>(bars.values.size()) <= kMaxBars);
        QCOMPARE(bars.channelsPerBar, int64_t{3});
        QCOMPARE(bars.values[2592], 9.0F);
        QCOMPARE(bars.channel[2592], int64_t{7777});
        QCOMPARE(poolBars(std::vector<float>{4, 5}).values.size(), size_t{2});
        QVERIFY(poolBars({}).values.empty());
    }

    void picturesAgreeWithElementByElement_data() {
        QTest::addColumn<QString>("scheme");
        QTest::addColumn<bool>("mean");
        QTest::addColumn<qint64>("maxSide");
        QTest::addColumn<bool>("zoomed");
        for (const char* scheme :
             {"int4", "int4/affine/group=16", "int4/input-channel", "int8/tensor", "preset=q4_0"})
            for (const bool mean : {false, true})
                for (const qint64 side : {1024LL, 20LL, 1LL})
                    for (const bool zoomed : {false, true})
                        QTest::addRow("%s %s %lld %s", scheme, mean ? "mean" : "max", side,
                                      zoomed ? "part" : "all")
                            << scheme << mean << side << zoomed;
    }
    void picturesAgreeWithElementByElement() {
        QFETCH(QString, scheme);
        QFETCH(bool, mean);
        QFETCH(qint64, maxSide);
        QFETCH(bool, zoomed);
        const Tensor tensor = laplace(45, 70);
        const auto chosen = chooseQuantization(tensor.matrix(), parseScheme(scheme.toStdString()).value(),
                                               bestKernels(), Job());
        const MatrixRegion region = zoomed ? MatrixRegion{3, 40, 21, 66} : MatrixRegion{};
        const Pooling pooling = mean ? Pooling::Mean : Pooling::MaxAbs;
        const HeatMapSet set =
            heatMaps(tensor.matrix(), chosen.value(), region, pooling, bestKernels(), Job(), maxSide).value();
        const NaiveReport naive = naiveReport(tensor.matrix(), *chosen);
        const std::vector<float> values(tensor.floats().begin(), tensor.floats().end());
        std::vector<float> errors, codes;
        for (size_t i = 0; i < values.size(); ++i) {
            errors.push_back(values[i] - naive.values[i]);
            codes.push_back(static_cast<float>(naive.codes[i]));
        }
        QVERIFY(set.original.rows <= maxSide && set.original.cols <= maxSide);
        using Picture = std::pair<const HeatMap*, const std::vector<float>*>;
        for (const auto& [map, expected] :
             {Picture(&set.original, &values), Picture(&set.codes, &codes),
              Picture(&set.dequantized, &naive.values), Picture(&set.error, &errors)}) {
            const std::string message = mapDifference(*map, *expected, 70);
            QVERIFY2(message.empty(), message.c_str());
        }
        const HeatMap plain = heatMap(tensor.matrix(), region, pooling, Job(), maxSide).value();
        QVERIFY(plain.values == set.original.values);
    }

    /// Fewer rows a cell: every cell is one of its elements, and the named rows are always among those looked
    /// at.
    void fewerRowsKeepTheNamedOnes() {
        Tensor plain = laplace(640, 48);
        std::vector<float> values(plain.floats().begin(), plain.floats().end());
        values[333 * 48 + 7] = 50;
        const Tensor tensor = Tensor::fromFloats({640, 48}, values);
        const auto chosen =
            chooseQuantization(tensor.matrix(), parseScheme("int4/group=16").value(), bestKernels(), Job())
                .value();
        const auto run = [&](const HeatMapRows& rows) {
            return heatMaps(tensor.matrix(), chosen, {}, Pooling::MaxAbs, bestKernels(), Job(), 20, rows)
                .value();
        };
        const HeatMapSet all = run({});
        const HeatMapSet few = run({4, {333, 333}});
        QCOMPARE(few.original.values.size(), all.original.values.size());
        QVERIFY(few.original.values != all.original.values);
        for (size_t i = 0; i < all.original.values.size(); ++i)
            QVERIFY(std::abs(few.original.values[i]) <= std::abs(all.original.values[i]));
        QCOMPARE(few.original.maximum, 50.0F);
        QVERIFY(run({0, {}}).error.values == all.error.values);
        QVERIFY(run({1000, {}}).error.values == all.error.values);
    }

    void picturesIgnoreThreadsAndStop() {
        const Tensor tensor = laplace(3000, 400);
        const auto chosen =
            chooseQuantization(tensor.matrix(), parseScheme("int4/group=64").value(), bestKernels(), Job())
                .value();
        const auto run = [&](int threads) {
            limitThreadsOfCaller(threads);
            auto set = heatMaps(tensor.matrix(), chosen, {}, Pooling::Mean, bestKernels(), Job()).value();
            limitThreadsOfCaller(availableCores());
            return set.error.values;
        };
        QVERIFY(run(1) == run(3));
        std::stop_source stop;
        stop.request_stop();
        const Job stopped(stop.get_token());
        QVERIFY(!heatMaps(tensor.matrix(), chosen, {}, Pooling::Mean, bestKernels(), stopped));
        QVERIFY(!heatMap(tensor.matrix(), {}, Pooling::MaxAbs, stopped));
        QVERIFY(!channelReport(tensor.matrix(), ChannelAxis::Input, stopped));
    }

    void regionsAreClamped() {
        QVERIFY((clampRegion({}, 5, 7) == MatrixRegion{0, 5, 0, 7}));
        QVERIFY((clampRegion({-3, 9, 2, 4}, 5, 7) == MatrixRegion{0, 5, 2, 4}));
        QVERIFY((clampRegion({8, 9, 6, 2}, 5, 7) == MatrixRegion{5, 5, 6, 6}));
        const Tensor tensor = laplace(5, 7);
        QVERIFY(heatMap(tensor.matrix(), {8, 9, 6, 2}, Pooling::MaxAbs, Job()).value().values.empty());
    }

    void elementsFollowTheQuantizer_data() {
        QTest::addColumn<QString>("scheme");
        for (const char* scheme :
             {"int4", "int4/affine/group=16", "int8/tensor/manual=-1,1", "preset=q4_0", "preset=q4_1",
              "uint4/affine", "int3/stochastic", "int4/affine/zero-inside"})
            QTest::newRow(scheme) << scheme;
    }
    void elementsFollowTheQuantizer() {
        QFETCH(QString, scheme);
        const auto parsed = parseScheme(scheme.toStdString());
        if (!parsed) QFAIL(describe(parsed.error()).c_str());
        const Tensor tensor = laplace(6, 40);
        const auto chosen = chooseQuantization(tensor.matrix(), *parsed, bestKernels(), Job()).value();
        const NaiveReport naive = naiveReport(tensor.matrix(), chosen);
        for (int64_t i = 0; i < 6; ++i)
            for (int64_t j = 0; j < 40; ++j) {
                const ElementArithmetic e = elementAt(tensor.matrix(), chosen, i, j);
                const auto at = static_cast<size_t>(i * 40 + j);
                QCOMPARE(e.q, naive.codes[at]);
                QCOMPARE(e.rHat, naive.values[at]);
                QCOMPARE(e.error, e.r - e.rHat);
                const float clamped =
                    std::clamp(e.rounded, static_cast<float>(e.codeMin), static_cast<float>(e.codeMax));
                QCOMPARE(static_cast<int32_t>(clamped), e.q);
                if (e.lowerLevel) QVERIFY(*e.lowerLevel < e.rHat);
                if (e.upperLevel) QVERIFY(*e.upperLevel > e.rHat);
                QVERIFY(e.lowerLevel || e.upperLevel);
            }
    }

    void sentencesHaveTheNumbers() {
        const std::vector<float> values{-2, 1.3F, 4, 9};
        const MatrixView matrix{values.data(), 1, 4, 4};
        const auto symmetric =
            chooseQuantization(matrix, parseScheme("int3/manual=-3,3").value(), bestKernels(), Job()).value();
        QCOMPARE(sentence(elementAt(matrix, symmetric, 0, 1), symmetric),
                 std::string("[0, 1] 1.3 / 1 = 1.3 → q 1 → 1, error 0.3"));
        QCOMPARE(sentence(elementAt(matrix, symmetric, 0, 3), symmetric),
                 std::string("[0, 3] 9 / 1 = 9 → q 3 → 3, error 6, clipped to [-3, 3]"));
        const auto reference = chooseQuantization(matrix, floatScheme(), bestKernels(), Job()).value();
        QCOMPARE(sentence(elementAt(matrix, reference, 0, 2), reference), std::string("[0, 2] 4"));
    }
};

QTEST_APPLESS_MAIN(TestPictures)
#include "test_pictures.moc"
