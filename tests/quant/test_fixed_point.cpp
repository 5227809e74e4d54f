// SPDX-License-Identifier: Apache-2.0
// Integer requantization against gemmlowp's operations as NumPy states them, against the float path, and its
// errors.
#include <QtTest>
#include <cmath>
#include <limits>

#include "golden_file.h"
#include "quant/output_stage.h"

using namespace quantscope;

namespace {

constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();

std::string binaryMismatch(const nlohmann::json& rows, int32_t (*operation)(int32_t, int32_t)) {
    for (const auto& row : rows) {
        const int32_t got = operation(row[0].get<int32_t>(), row[1].get<int32_t>());
        if (got != row[2].get<int32_t>()) return row.dump() + " but got " + std::to_string(got);
    }
    return {};
}

std::string multiplierMismatch(const nlohmann::json& golden, const nlohmann::json& row) {
    const auto multiplier = fixedPointMultiplier(row["real"].get<double>());
    if (!multiplier) return describe(multiplier.error());
    const FixedPointMultiplier expected{row["mantissa"].get<int32_t>(), row["rightShift"].get<int32_t>()};
    if (!(*multiplier == expected)) return "another multiplier for " + row["real"].dump();
    for (size_t i = 0; i < golden["values"].size(); ++i) {
        const auto x = golden["values"][i].get<int32_t>();
        const int32_t got = multiplyByFixedPoint(x, *multiplier);
        if (got != row["results"][i].get<int32_t>())
            return row["real"].dump() + " * " + std::to_string(x) + " = " + std::to_string(got);
    }
    return {};
}

}  // namespace

class TestFixedPoint : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase();
    void operationsAgreeWithGolden();
    void multipliersAgreeWithGolden();
    void channelsWithBiasAgreeWithGolden();
    void multiplierIsNearest_data();
    void multiplierIsNearest();
    void refusesMultiplier_data();
    void refusesMultiplier();
    void refusesScale_data();
    void refusesScale();
    void namesTheChannel();
    void saturates();
    void clampFusesRelu();
    void pathsDifferByOneAtMost();
    void writesBinary();

 private:
    nlohmann::json m_golden;
};

void TestFixedPoint::initTestCase() {
    m_golden = test::loadGolden("requantization.json");
    QVERIFY(m_golden.is_object());
    QVERIFY(m_golden["highMultiply"].size() > 200 && m_golden["multipliers"].size() > 30);
}

void TestFixedPoint::operationsAgreeWithGolden() {
    const std::string high = binaryMismatch(m_golden["highMultiply"], roundingDoublingHighMultiply);
    QVERIFY2(high.empty(), high.c_str());
    const std::string shift = binaryMismatch(m_golden["rightShift"], roundingRightShift);
    QVERIFY2(shift.empty(), shift.c_str());
}

void TestFixedPoint::multipliersAgreeWithGolden() {
    for (const auto& row : m_golden["multipliers"]) {
        const std::string difference = multiplierMismatch(m_golden, row);
        QVERIFY2(difference.empty(), difference.c_str());
    }
}

void TestFixedPoint::channelsWithBiasAgreeWithGolden() {
    OutputStage stage;
    stage.zeroPoint = m_golden["zeroPoint"].get<int32_t>();
    const auto& channels = m_golden["channels"];
    for (const auto& channel : channels) {
        stage.factors.push_back(channel["real"].get<double>());
        stage.multipliers.push_back(fixedPointMultiplier(stage.factors.back()).value());
        stage.bias.push_back(channel["bias"].get<int32_t>());
    }
    std::vector<int32_t> accumulators;
    std::vector<int32_t> expected;
    for (size_t row = 0; row < channels[0]["codes"].size(); ++row) {
        for (const auto& channel : channels) {
            accumulators.push_back(channel["accumulators"][row].get<int32_t>());
            expected.push_back(channel["codes"][row].get<int32_t>());
        }
    }
    const auto compared = compareRequantization(accumulators, static_cast<int64_t>(channels.size()), stage);
    QCOMPARE(compared.fixed, expected);
    QCOMPARE(compared.count, static_cast<int64_t>(expected.size()));
}

void TestFixedPoint::multiplierIsNearest_data() {
    QTest::addColumn<double>("real");
    for (const double real : {0.5, 1.0, 0.0061, 1.0 / 3, 2.0, 1e-9, 12345.678, 0.99999999999, 1e9})
        QTest::newRow(QByteArray::number(real).constData()) << real;
}

void TestFixedPoint::multiplierIsNearest() {
    QFETCH(double, real);
    const auto multiplier = fixedPointMultiplier(real);
    QVERIFY(multiplier.has_value());
    QVERIFY(multiplier->fraction() >= 0.5 && multiplier->fraction() < 1);
    QVERIFY(std::abs(multiplier->value() - real) <= std::ldexp(real, -31));
}

void TestFixedPoint::refusesMultiplier_data() {
    QTest::addColumn<double>("real");
    QTest::newRow("zero") << 0.0;
    QTest::newRow("negative") << -0.5;
    QTest::newRow("NaN") << std::nan("");
    QTest::newRow("infinite") << std::numeric_limits<double>::infinity();
    QTest::newRow("too small") << std::ldexp(0.9, -32);
    QTest::newRow("too large") << std::ldexp(1.0, 31);
}

void TestFixedPoint::refusesMultiplier() {
    QFETCH(double, real);
    const auto multiplier = fixedPointMultiplier(real);
    QVERIFY(!multiplier);
    QCOMPARE(multiplier.error().kind, ErrorKind::InvalidArgument);
}

void TestFixedPoint::refusesScale_data() {
    QTest::addColumn<float>("input");
    QTest::addColumn<float>("weight");
    QTest::addColumn<float>("output");
    QTest::addColumn<QString>("field");
    const float denormal = std::numeric_limits<float>::denorm_min();
    QTest::newRow("zero input") << 0.0F << 1.0F << 1.0F << "input scale";
    QTest::newRow("negative weight") << 1.0F << -1.0F << 1.0F << "weight scale";
    QTest::newRow("denormal output") << 1.0F << 1.0F << denormal << "output scale";
    QTest::newRow("NaN weight") << 1.0F << std::nanf("") << 1.0F << "weight scale";
    QTest::newRow("infinite output") << 1.0F << 1.0F << std::numeric_limits<float>::infinity()
                                     << "output scale";
}

void TestFixedPoint::refusesScale() {
    QFETCH(float, input);
    QFETCH(float, weight);
    QFETCH(float, output);
    QFETCH(QString, field);
    const auto factor = requantizationFactor(input, weight, output);
    QVERIFY(!factor);
    QCOMPARE(factor.error().kind, ErrorKind::InvalidArgument);
    QCOMPARE(QString::fromStdString(factor.error().field), field);
}

void TestFixedPoint::namesTheChannel() {
    const float scales[] = {0.1F, 0.2F, 0.0F};
    const auto stage = outputStage(0.5F, scales, 0.25F);
    QVERIFY(!stage);
    QCOMPARE(QString::fromStdString(stage.error().field), QString("weight scale (output channel 2)"));
}

void TestFixedPoint::saturates() {
    QCOMPARE(roundingDoublingHighMultiply(kLow, kLow), kHigh);
    QCOMPARE(saturatingLeftShift(kHigh / 2 + 1, 1), kHigh);
    QCOMPARE(saturatingLeftShift(kLow / 2 - 1, 1), kLow);
    QCOMPARE(saturatingLeftShift(-1, 31), kLow);
    OutputStage stage{{0.5}, {fixedPointMultiplier(0.5).value()}, {kHigh, kLow}, kHigh, kLow, kHigh};
    QCOMPARE(stage.withBias(1, 0), kHigh);
    QCOMPARE(stage.withBias(-1, 1), kLow);
    QCOMPARE(requantizeFixed(1, 0, stage), kHigh);
    QCOMPARE(requantizeFloat(1, 0, stage), kHigh);
}

void TestFixedPoint::clampFusesRelu() {
    const float scale = 1;
    OutputStage stage = outputStage(0.25F, {&scale, 1}, 0.5F).value();
    stage.zeroPoint = -10;
    stage.clampMin = -10;
    QCOMPARE(requantizeFixed(-7, 0, stage), -10);
    QCOMPARE(requantizeFixed(7, 0, stage), -6);
    QCOMPARE(requantizeFixed(5000, 0, stage), 127);
}

void TestFixedPoint::pathsDifferByOneAtMost() {
    std::vector<int32_t> accumulators;
    for (int32_t a = -40000; a <= 40000; ++a) accumulators.push_back(a);
    const float scales[] = {0.0061F};
    OutputStage stage = outputStage(0.5F, scales, 0.75F).value();
    const auto compared = compareRequantization(accumulators, 1, stage);
    QCOMPARE(compared.count, int64_t{80001});
    QVERIFY(compared.largest <= 1);
    QVERIFY(compared.clampedCount > 0);
    // A half: integers round it away from zero, the float path to even.
    stage.factors = {0.5};
    stage.multipliers = {fixedPointMultiplier(0.5).value()};
    const auto halves = compareRequantization(std::vector<int32_t>{1, 2, 3, 4, 5}, 1, stage);
    QCOMPARE(halves.fixed, (std::vector<int32_t>{1, 1, 2, 2, 3}));
    QCOMPARE(halves.floating, (std::vector<int32_t>{0, 1, 2, 2, 2}));
    QCOMPARE(halves.first, int64_t{0});
    QCOMPARE(halves.different, int64_t{2});
}

void TestFixedPoint::writesBinary() {
    QCOMPARE(QString::fromStdString(binaryFraction({1 << 30, 0})),
             QString("0.1000 0000 0000 0000 0000 0000 0000 000"));
    QCOMPARE(QString::fromStdString(binaryFraction({kHigh, 0})),
             QString("0.1111 1111 1111 1111 1111 1111 1111 111"));
    QCOMPARE(QString::fromStdString(binaryText(-2)), QString("1111 1111 1111 1111 1111 1111 1111 1110"));
}

QTEST_APPLESS_MAIN(TestFixedPoint)
#include "test_fixed_point.moc"
