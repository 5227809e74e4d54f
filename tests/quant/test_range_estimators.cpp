// SPDX-License-Identifier: Apache-2.0
#include <QtTest>

#include "base/parallel_for.h"
#include "base/random.h"
#include "golden_file.h"
#include "quant/estimators/range_estimator.h"
#include "quant/quantized_tensor.h"

using namespace quantscope;

namespace {

Scheme schemeOf(const char* text) {
    const Result<Scheme> scheme = parseScheme(text);
    return scheme ? *scheme : Scheme{};
}

MatrixView viewOf(const std::vector<float>& values, int64_t cols) {
    return {values.data(), static_cast<int64_t>(values.size()) / cols, cols, cols};
}

}  // namespace

class TestRangeEstimators : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase();
    void agreesWithNumPy_data();
    void agreesWithNumPy();
    void mseFindsWhatAnExhaustiveSearchFinds_data();
    void mseFindsWhatAnExhaustiveSearchFinds();
    void percentilesOfManyValuesAreThoseOfTheSorted();
    void minMaxTellsWhichExtremeComesFirst();
    void constantAndSingleValues_data();
    void constantAndSingleValues();
    void rejectsWhatIsNotFinite();
    void emptyBlockHasNoRange();
    void groupsGetTheirOwnRange_data();
    void groupsGetTheirOwnRange();

 private:
    nlohmann::json m_golden;
};

void TestRangeEstimators::initTestCase() {
    m_golden = test::loadGolden("estimators.json");
    QVERIFY(m_golden.is_object());
}

void TestRangeEstimators::agreesWithNumPy_data() {
    QTest::addColumn<int>("index");
    const auto& cases = m_golden["cases"];
    for (size_t i = 0; i < cases.size(); ++i) {
        if (!cases[i].contains("range")) continue;
        const std::string name =
            cases[i]["scheme"].get<std::string>() + " on " + cases[i]["input"].get<std::string>();
        QTest::newRow(name.c_str()) << static_cast<int>(i);
    }
}

void TestRangeEstimators::agreesWithNumPy() {
    QFETCH(int, index);
    const auto& golden = m_golden["cases"][static_cast<size_t>(index)];
    const Result<Scheme> scheme = parseScheme(golden["scheme"].get<std::string>());
    QVERIFY(scheme.has_value());
    const Tensor input = test::goldenInput(m_golden, golden["input"].get<std::string>());
    const int64_t cols = golden.value("cols", input.size());
    const MatrixView view{input.floats().data(), input.size() / cols, cols, cols};
    const Result<Range> range = estimateRange(view, *scheme);
    QVERIFY(range.has_value());
    const std::string difference = test::differenceOf(std::vector<float>{range->low, range->high},
                                                      test::floatsFromBits(golden["range"]));
    QVERIFY2(difference.empty(), difference.c_str());
}

void TestRangeEstimators::mseFindsWhatAnExhaustiveSearchFinds_data() {
    QTest::addColumn<int>("index");
    const auto& cases = m_golden["cases"];
    for (size_t i = 0; i < cases.size(); ++i) {
        if (!cases[i].contains("sse")) continue;
        const std::string name =
            cases[i]["scheme"].get<std::string>() + " on " + cases[i]["input"].get<std::string>();
        QTest::newRow(name.c_str()) << static_cast<int>(i);
    }
}

void TestRangeEstimators::mseFindsWhatAnExhaustiveSearchFinds() {
    QFETCH(int, index);
    const auto& golden = m_golden["cases"][static_cast<size_t>(index)];
    const Result<Scheme> scheme = parseScheme(golden["scheme"].get<std::string>());
    QVERIFY(scheme.has_value());
    const Tensor input = test::goldenInput(m_golden, golden["input"].get<std::string>());
    const auto sseOf = [&](const Range& range) {
        return splitError(input.floats(), quantizeParams(*scheme, paramsFromRange(range, *scheme)))
            .totalSse();
    };
    const Result<Range> range = estimateRange(input.floats(), *scheme);
    QVERIFY(range.has_value());
    Scheme minMax = *scheme;
    minMax.estimator = RangeEstimator::MinMax;
    QVERIFY(sseOf(*range) <= sseOf(*estimateRange(input.floats(), minMax)));
    // The error is a jagged function of the range; the search may end 5 % above the best of a finer grid.
    QVERIFY2(sseOf(*range) <= 1.05 * golden["sse"].get<double>(),
             qPrintable(QString("%1 against %2").arg(sseOf(*range)).arg(golden["sse"].get<double>())));
}

void TestRangeEstimators::percentilesOfManyValuesAreThoseOfTheSorted() {
    // Large enough for counting, a part of a wider matrix, with ties, both zeros and both signs.
    constexpr int64_t kRows = 700;
    constexpr int64_t kCols = 500;
    constexpr int64_t kStride = 512;
    const CounterRandom random(5);
    std::vector<float> wide(kRows * kStride, 1e9F);
    std::vector<float> sorted;
    for (int64_t r = 0; r < kRows; ++r)
        for (int64_t c = 0; c < kCols; ++c) {
            const auto i = static_cast<uint64_t>(r * kCols + c);
            auto value = static_cast<float>(random.normal(i));
            if (i % 7 == 0) value = std::round(value);
            if (i % 11 == 0) value = -0.0F;
            wide[static_cast<size_t>(r * kStride + c)] = value;
            sorted.push_back(value);
        }
    const std::vector<float> line = sorted;
    std::sort(sorted.begin(), sorted.end());
    const auto expected = [&sorted](double percent) {
        const double position = percent / 100 * static_cast<double>(sorted.size() - 1);
        const auto at = static_cast<size_t>(position);
        const double a = static_cast<double>(sorted[at]);
        const double b = static_cast<double>(sorted[std::min(at + 1, sorted.size() - 1)]);
        return a + (b - a) * (position - static_cast<double>(at));
    };
    for (const auto& [low, high] : {std::pair{0.0, 100.0}, {0.1, 99.9}, {5.0, 60.25}, {49.99, 50.01}}) {
        Scheme scheme = schemeOf("int8/affine/percentile=1,99");
        scheme.percentileLow = low;
        scheme.percentileHigh = high;
        for (const MatrixView& view : {MatrixView{wide.data(), kRows, kCols, kStride},
                                       MatrixView{line.data(), 1, kRows * kCols, kRows * kCols}}) {
            const Result<Range> range = estimateRange(view, scheme);
            QVERIFY(range.has_value());
            QVERIFY(std::abs(static_cast<double>(range->low) - expected(low)) <= 1e-6);
            QVERIFY(std::abs(static_cast<double>(range->high) - expected(high)) <= 1e-6);
        }
    }
}

void TestRangeEstimators::minMaxTellsWhichExtremeComesFirst() {
    const Scheme scheme = schemeOf("int4");
    const std::vector<float> low{0.1F, -2, 2, -2};
    const std::vector<float> high{0.1F, 2, -2, 2};
    QCOMPARE(*estimateRange(low, scheme), (Range{-2, 2, true}));
    QCOMPARE(*estimateRange(high, scheme), (Range{-2, 2, false}));
}

void TestRangeEstimators::constantAndSingleValues_data() {
    QTest::addColumn<QString>("scheme");
    for (const char* text : {"int4", "int4/percentile=5,95", "int4/mse", "int4/affine/mse", "int4/kl",
                             "int8/affine/kl", "int4/moving-average=0.5", "int16/kl"})
        QTest::newRow(text) << text;
}

void TestRangeEstimators::constantAndSingleValues() {
    QFETCH(QString, scheme);
    const Scheme s = schemeOf(scheme.toUtf8().constData());
    for (const std::vector<float>& values :
         {std::vector<float>{3}, std::vector<float>(40, -2.5F), std::vector<float>(7, 0.0F),
          std::vector<float>{1e-40F, -1e-42F, 0}, std::vector<float>{3e38F, -3e38F, 1}}) {
        const Result<Range> range = estimateRange(values, s);
        QVERIFY(range.has_value());
        QVERIFY(range->low <= range->high);
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        QVERIFY(range->low >= std::min(*low, 0.0F) && range->high <= std::max(*high, 0.0F));
    }
}

void TestRangeEstimators::rejectsWhatIsNotFinite() {
    const std::vector<float> values{1, 2, 3, std::numeric_limits<float>::infinity(), 4, 5};
    const Result<Range> range = estimateRange(viewOf(values, 2), schemeOf("int8"));
    QVERIFY(!range.has_value());
    QCOMPARE(range.error().kind, ErrorKind::InvalidArgument);
    QVERIFY(range.error().message.find("[1, 1]") != std::string::npos);
}

void TestRangeEstimators::emptyBlockHasNoRange() {
    QCOMPARE(*estimateRange(std::span<const float>{}, schemeOf("int8/kl")), Range{});
}

void TestRangeEstimators::groupsGetTheirOwnRange_data() {
    QTest::addColumn<QString>("estimator");
    QTest::addColumn<QString>("granularity");
    for (const char* estimator :
         {"minmax", "percentile=5,95", "mse", "kl", "moving-average=0.8", "manual=-1,2"})
        for (const char* granularity :
             {"tensor", "channel", "input-channel", "group=5", "block=3x4", "token"})
            QTest::addRow("%s %s", estimator, granularity) << estimator << granularity;
}

void TestRangeEstimators::groupsGetTheirOwnRange() {
    QFETCH(QString, estimator);
    QFETCH(QString, granularity);
    const Scheme scheme = schemeOf(qPrintable("int4/affine/" + estimator + "/" + granularity));
    const Tensor input = test::goldenInput(m_golden, "normal");
    // A ragged part of it: 7 x 13 out of rows of 50 elements, so that the stride matters.
    const MatrixView view{input.floats().data(), 7, 13, 50};
    const auto groups = chooseGroupParams(view, scheme);
    QVERIFY(groups.has_value());
    const GroupLayout layout = GroupLayout::of(scheme, view.rows, view.cols);
    QCOMPARE(static_cast<int64_t>(groups->size()), layout.groupCount());
    for (int64_t group = 0; group < layout.groupCount(); ++group) {
        std::vector<float> values;
        int64_t cols = 0;
        for (int64_t r = 0; r < view.rows; ++r) {
            int64_t count = 0;
            for (int64_t c = 0; c < view.cols; ++c) {
                if (layout.groupOf(r, c) != group) continue;
                values.push_back(view.at(r, c));
                ++count;
            }
            cols = std::max(cols, count);
        }
        const Result<Range> range = estimateRange(viewOf(values, cols), scheme);
        QVERIFY(range.has_value());
        QCOMPARE((*groups)[static_cast<size_t>(group)], paramsFromRange(*range, scheme));
    }
}

QTEST_APPLESS_MAIN(TestRangeEstimators)
#include "test_range_estimators.moc"
