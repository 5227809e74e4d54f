// SPDX-License-Identifier: Apache-2.0
// The scalar meaning: the numbers of the lectures, each rounding mode, the error split, degenerate groups.
#include <QtTest>
#include <cmath>

#include "base/random.h"
#include "quant/formats/grid.h"
#include "quant/passes/quantize_run.h"
#include "quant/passes/reference.h"
#include "quant/passes/rounding.h"
#include "quant/quantized_tensor.h"

using namespace quantscope;

namespace {

Scheme schemeOf(const char* text) {
    const Result<Scheme> scheme = parseScheme(text);
    return scheme ? *scheme : Scheme{};
}

QList<int> codesOf(const QuantizedTensor& tensor) {
    const std::vector<int32_t> codes = tensor.codes();
    return {codes.begin(), codes.end()};
}

}  // namespace

class TestReference : public QObject {
    Q_OBJECT
 private slots:
    void zeroPointMapping();
    void lectureMatrices_data();
    void lectureMatrices();
    void clippingOfThePrintedZeroPoint();
    void conventionsAtTies_data();
    void conventionsAtTies();
    void scaleMustNotBeRoundedFirst();
    void absmaxConventions_data();
    void absmaxConventions();
    void roundings_data();
    void roundings();
    void stochasticIsUnbiasedAndSeeded();
    void runsEqualScalars_data();
    void runsEqualScalars();
    void splitsErrorExactly();
    void negativeScaleSwapsTheEnds();
    void degenerateGroups_data();
    void degenerateGroups();
    void levelsAreSorted_data();
    void levelsAreSorted();
};

// worked-examples 1: S = 1.5, Z = 1.
void TestReference::zeroPointMapping() {
    QuantizeParams p;
    p.group = {1.5F, 1};
    p.codeMin = 0;
    p.codeMax = 3;
    const std::array<float, 4> expected{-1.5F, 0, 1.5F, 3};
    for (int32_t q = 0; q < 4; ++q) QCOMPARE(dequantizeValue(q, p), expected[static_cast<size_t>(q)]);
    QCOMPARE(quantizeValue(1, p), 2);
    QCOMPARE(quantizeValue(0, p), 1);
}

void TestReference::lectureMatrices_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<QList<float>>("weights");
    QTest::addColumn<float>("scale");
    QTest::addColumn<float>("zeroPoint");
    QTest::addColumn<QList<int>>("codes");
    QTest::addColumn<QList<float>>("reconstructed");
    // worked-examples 2; the text prints W[2][0] as 0.91, its code and error are those of -0.91.
    const float s = 3.2F / 3;
    const QList<int> two{1, -2, 0, -1, -1, -1, -2, 1, -2, 1, -1, -2, 1, -1, 0, 0};
    QList<float> twoValues;
    for (const int q : two) twoValues.append(s * static_cast<float>(q + 1));
    QTest::newRow("2-bit 4x4") << "int2/affine/tensor"
                               << QList<float>{2.09F,  -0.98F, 1.48F, 0.09F,  0.05F, -0.14F, -1.08F, 2.12F,
                                               -0.91F, 1.92F,  0,     -1.03F, 1.87F, 0,      1.53F,  1.49F}
                               << s << -1.0F << two << twoValues;
    // worked-examples 3 a and b (b: the slide's Z = -1 gives a code outside the range; -2 is right).
    QTest::newRow("3-bit a") << "int3/affine/tensor" << QList<float>{18, 7, 8, 3, 6, 12, 0, -3, -2} << 3.0F
                             << -3.0F << QList<int>{3, -1, 0, -2, -1, 1, -3, -4, -4}
                             << QList<float>{18, 6, 9, 3, 6, 12, 0, -3, -3};
    QTest::newRow("3-bit b") << "int3/affine/tensor" << QList<float>{15, 6, 9, 3, -3, 12, 0, -6, 0} << 3.0F
                             << -2.0F << QList<int>{3, 0, 1, -1, -3, 2, -2, -4, -2}
                             << QList<float>{15, 6, 9, 3, -3, 12, 0, -6, 0};
}

void TestReference::lectureMatrices() {
    QFETCH(QString, scheme);
    QFETCH(QList<float>, weights);
    QFETCH(float, scale);
    QFETCH(float, zeroPoint);
    QFETCH(QList<int>, codes);
    QFETCH(QList<float>, reconstructed);
    const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(weights.size()))));
    const Tensor w = Tensor::fromFloats({side, side}, {weights.begin(), weights.end()});
    const auto quantized = quantize(w, schemeOf(qPrintable(scheme)));
    QVERIFY(quantized.has_value());
    QVERIFY(std::abs(quantized->groups()[0].scale - scale) <= 1e-6F);
    QCOMPARE(quantized->groups()[0].zeroPoint, zeroPoint);
    QCOMPARE(codesOf(*quantized), codes);
    const Tensor back = dequantize(*quantized);
    for (qsizetype i = 0; i < reconstructed.size(); ++i)
        QVERIFY(std::abs(back.floats()[static_cast<size_t>(i)] - reconstructed[i]) <= 1e-5F);
}

// worked-examples 3 b, erratum: with the slide's Z = -1, 15 would come back as 12.
void TestReference::clippingOfThePrintedZeroPoint() {
    const QuantizeParams p = quantizeParams(schemeOf("int3/affine/tensor"), {3, -1});
    const std::vector<float> value{15};
    QCOMPARE(dequantizeValue(quantizeValue(15, p), p), 12.0F);
    const ErrorSplit split = splitError(value, p);
    QCOMPARE(split.clippedCount, int64_t{1});
    QCOMPARE(split.clippingSse, 9.0);
    QCOMPARE(split.roundingSse, 0.0);
}

void TestReference::conventionsAtTies_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<int>("half");
    QTest::addColumn<int>("threeHalves");
    QTest::newRow("inside, away") << "int8/affine/tensor/zero-inside/half-away" << -1 << 85;
    QTest::newRow("inside, even") << "int8/affine/tensor/zero-inside" << 0 << 84;
    QTest::newRow("outside, away") << "int8/affine/tensor/half-away" << 0 << 85;
    QTest::newRow("outside, even") << "int8/affine/tensor" << -1 << 85;
}

// worked-examples 4: [-1, 2] in 8 bits; 0.5 and 1.5 are exact ties.
void TestReference::conventionsAtTies() {
    QFETCH(QString, scheme);
    QFETCH(int, half);
    QFETCH(int, threeHalves);
    const Scheme s = schemeOf(qPrintable(scheme));
    const GroupParams group = paramsFromRange(-1.0, 2.0, s);
    QCOMPARE(group, (GroupParams{3.0F / 255, -43}));
    const QuantizeParams p = quantizeParams(s, group);
    QCOMPARE(quantizeValue(-0.8F, p), -111);
    QCOMPARE(quantizeValue(0.5F, p), half);
    QCOMPARE(quantizeValue(1.5F, p), threeHalves);
}

void TestReference::scaleMustNotBeRoundedFirst() {
    const QuantizeParams p = quantizeParams(schemeOf("int8/affine/tensor"), {0.01176F, -43});
    QCOMPARE(quantizeValue(0.5F, p), 0);
}

void TestReference::absmaxConventions_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<float>("scale");
    QTest::addColumn<int>("codeOfMax");
    QTest::addColumn<int>("codeOfMin");
    // Range [-3.2, 4]: worked-examples 6 and peers 4.2, "symmetric int4" in four meanings.
    QTest::newRow("narrow, 000") << "int8/tensor" << 4.0F / 127 << 127 << -102;
    QTest::newRow("gamma, 001") << "int8/power-of-two/tensor" << 4.0F / 128 << 127 << -102;
    QTest::newRow("AWQ") << "int4/tensor" << 4.0F / 7 << 7 << -6;
    QTest::newRow("GPTQ, torchao") << "int4/full/tensor" << 4.0F / 7.5F << 7 << -6;
    QTest::newRow("no-clip") << "int4/no-clip/tensor" << 4.0F / 7 << 7 << -6;
    QTest::newRow("Q4_0") << "int4/signed-extreme/tensor" << 4.0F / -8 << -8 << 6;
    QTest::newRow("unsigned GPTQ") << "uint4/full/tensor" << 4.0F / 7.5F << 15 << 2;
}

void TestReference::absmaxConventions() {
    QFETCH(QString, scheme);
    QFETCH(float, scale);
    QFETCH(int, codeOfMax);
    QFETCH(int, codeOfMin);
    const Scheme s = schemeOf(qPrintable(scheme));
    const QuantizeParams p = quantizeParams(s, paramsFromRange(-3.2, 4.0, s));
    QCOMPARE(p.group.scale, scale);
    QCOMPARE(quantizeValue(4, p), codeOfMax);
    QCOMPARE(quantizeValue(-3.2F, p), codeOfMin);
}

void TestReference::roundings_data() {
    QTest::addColumn<QString>("mode");
    QTest::addColumn<QList<float>>("expected");
    // Of -2.5 -1.5 -0.7 -0.5 -0.2 0.2 0.5 0.7 1.5 2.5; NumPy: rint, copysign(floor(|x| + 0.5), x),
    // floor(x + 0.5), floor, ceil, trunc.
    QTest::newRow("half-even") << "half-even" << QList<float>{-2, -2, -1, 0, 0, 0, 0, 1, 2, 2};
    QTest::newRow("half-away") << "half-away" << QList<float>{-3, -2, -1, -1, 0, 0, 1, 1, 2, 3};
    QTest::newRow("half-up") << "half-up" << QList<float>{-2, -1, -1, 0, 0, 0, 1, 1, 2, 3};
    QTest::newRow("floor") << "floor" << QList<float>{-3, -2, -1, -1, -1, 0, 0, 0, 1, 2};
    QTest::newRow("ceil") << "ceil" << QList<float>{-2, -1, 0, 0, 0, 1, 1, 1, 2, 3};
    QTest::newRow("toward-zero") << "toward-zero" << QList<float>{-2, -1, 0, 0, 0, 0, 0, 0, 1, 2};
}

void TestReference::roundings() {
    QFETCH(QString, mode);
    QFETCH(QList<float>, expected);
    const std::array<float, 10> x{-2.5F, -1.5F, -0.7F, -0.5F, -0.2F, 0.2F, 0.5F, 0.7F, 1.5F, 2.5F};
    const Scheme scheme = schemeOf(qPrintable("int8/tensor/" + mode));
    const QuantizeParams p = quantizeParams(scheme, {1, 0});
    for (size_t i = 0; i < x.size(); ++i) {
        QCOMPARE(roundBy(scheme.rounding, x[i], CounterRandom(0), 0), expected[static_cast<qsizetype>(i)]);
        QCOMPARE(static_cast<float>(quantizeValue(x[i], p)), expected[static_cast<qsizetype>(i)]);
    }
}

void TestReference::stochasticIsUnbiasedAndSeeded() {
    const QuantizeParams p = quantizeParams(schemeOf("int8/tensor/stochastic=5"), {1, 0});
    const QuantizeParams other = quantizeParams(schemeOf("int8/tensor/stochastic=6"), {1, 0});
    constexpr uint64_t kCount = 20000;
    int64_t ups = 0;
    int64_t differences = 0;
    for (uint64_t n = 0; n < kCount; ++n) {
        const int32_t code = quantizeValue(-2.75F, p, n);
        QVERIFY(code == -3 || code == -2);
        const bool up = CounterRandom(5).uniform(n) < 0.25;
        QCOMPARE(code == -2, up);
        ups += up ? 1 : 0;
        differences += code != quantizeValue(-2.75F, other, n) ? 1 : 0;
    }
    // Five standard deviations of a binomial with p = 1/4.
    QVERIFY(std::abs(static_cast<double>(ups) - 0.25 * kCount) < 5 * std::sqrt(kCount * 0.1875));
    QVERIFY(differences > 1000);
    QCOMPARE(quantizeValue(3, p, 7), 3);
}

void TestReference::runsEqualScalars_data() {
    QTest::addColumn<QString>("scheme");
    for (const char* text :
         {"int8/tensor", "int4/affine/tensor", "uint4/affine/tensor/zero-inside",
          "int4/affine/float-zero/tensor", "int4/affine/minimum/tensor/no-zero", "preset=q4_0", "preset=q4_1",
          "preset=q8_0", "int16/tensor", "uint3/full/tensor/inverse", "int5/tensor/stochastic=3",
          "int5/tensor/ceil", "int6/tensor/half-up"})
        QTest::newRow(text) << text;
}

void TestReference::runsEqualScalars() {
    QFETCH(QString, scheme);
    const Scheme s = schemeOf(qPrintable(scheme));
    std::vector<float> values{0.0F,
                              -0.0F,
                              1e30F,
                              -1e30F,
                              3e38F,
                              -3e38F,
                              1e-40F,
                              -1e-45F,
                              0.49999997F,
                              -0.49999997F,
                              std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()};
    const CounterRandom random(11);
    for (uint64_t n = 0; n < 3000; ++n) values.push_back(static_cast<float>(random.normal(n)));
    for (int i = -200; i <= 200; ++i) values.push_back(static_cast<float>(i) * 0.125F);
    for (const GroupParams group : {paramsFromRange(-2.3, 3.1, s), paramsFromRange(-1.0, 0.875, s),
                                    GroupParams{0.25F, 0}, GroupParams{0, 0}, paramsFromRange(5.0, 6.0, s)}) {
        QuantizeParams p = quantizeParams(s, group);
        p.firstElement = 77;
        std::vector<int32_t> codes(values.size());
        quantizeRun(values, p, codes.data());
        std::vector<float> decoded(values.size());
        dequantizeRun(codes, p, decoded.data());
        for (size_t i = 0; i < values.size(); ++i) {
            QCOMPARE(codes[i], quantizeValue(values[i], p, 77 + i));
            QCOMPARE(decoded[i], dequantizeValue(codes[i], p));
        }
    }
}

void TestReference::splitsErrorExactly() {
    const Scheme s = schemeOf("int4/tensor");
    const QuantizeParams p = quantizeParams(s, paramsFromRange(-0.7, 0.7, s));  // S = 0.1, levels -0.7 .. 0.7
    const std::vector<float> values{0.7F, -0.7F, 0.75F, -1, 0.32F, 0};
    const ErrorSplit split = splitError(values, p);
    QCOMPARE(split.count, int64_t{6});
    QCOMPARE(split.clippedCount, int64_t{2});
    QVERIFY(std::abs(split.clippingSse - (0.05 * 0.05 + 0.3 * 0.3)) < 1e-6);
    QVERIFY(std::abs(split.roundingSse - 0.02 * 0.02) < 1e-6);
    QVERIFY(std::abs(split.maxAbs - 0.3F) < 1e-6F);
    double total = 0;
    for (const float r : values) {
        const double error = static_cast<double>(r - dequantizeValue(quantizeValue(r, p), p));
        total += error * error;
    }
    QVERIFY(std::abs(split.totalSse() - total) < 1e-12);
    // Two parts merge to the whole.
    ErrorSplit merged = splitError(std::span(values).first(2), p);
    merged.merge(splitError(std::span(values).last(4), p));
    QCOMPARE(merged.clippedCount, split.clippedCount);
    QVERIFY(std::abs(merged.totalSse() - split.totalSse()) < 1e-12);
}

// Q4_0's scale is negative when the extreme is positive: the range is then [r^(15), r^(0)].
void TestReference::negativeScaleSwapsTheEnds() {
    const Scheme s = schemeOf("int4/signed-extreme/tensor");
    const QuantizeParams p = quantizeParams(s, paramsFromRange(-3.0, 4.0, s));  // S = -0.5: -3.5 .. 4
    QVERIFY(p.group.scale < 0);
    const std::vector<float> values{4, -3.5F, -3.6F, 4.1F, 1};
    QCOMPARE(splitError(values, p).clippedCount, int64_t{2});
}

void TestReference::degenerateGroups_data() {
    QTest::addColumn<QString>("scheme");
    for (const char* text : {"int8/tensor", "int4/affine/tensor", "int4/affine/float-zero/tensor",
                             "int4/affine/minimum/no-zero/tensor", "int4/full/tensor", "preset=q4_0",
                             "preset=q5_1", "uint4/affine/no-zero/tensor"})
        QTest::newRow(text) << text;
}

// All-zero and denormal groups have scale 0 or a tiny one, finite codes in range and values next to 0.
void TestReference::degenerateGroups() {
    QFETCH(QString, scheme);
    const Scheme s = schemeOf(qPrintable(scheme));
    for (const float value : {0.0F, 1e-45F, -1e-40F, 1e-39F}) {
        std::vector<float> values(32, value);
        values[3] = 0;
        const auto quantized = quantize(Tensor::fromFloats({1, 32}, values), s);
        QVERIFY(quantized.has_value());
        const Tensor back = dequantize(*quantized);
        for (const float r : back.floats())
            QVERIFY(std::isfinite(r) && std::abs(r) <= 1.1F * std::abs(value));
    }
}

void TestReference::levelsAreSorted_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<int>("count");
    QTest::newRow("narrow") << "int4/tensor" << 15;
    QTest::newRow("full") << "int4/full/tensor" << 16;
    QTest::newRow("negative scale") << "preset=q4_0" << 16;
    QTest::newRow("minimum") << "preset=q4_1" << 16;
    QTest::newRow("float zero") << "uint3/affine/float-zero/tensor" << 8;
    QTest::newRow("float") << "float" << 0;
}

void TestReference::levelsAreSorted() {
    QFETCH(QString, scheme);
    QFETCH(int, count);
    const Scheme s = schemeOf(qPrintable(scheme));
    const std::vector<double> levels =
        gridLevels(s.isFloat() ? GroupParams{} : paramsFromRange(-1.5, 2.0, s), s);
    QCOMPARE(static_cast<int>(levels.size()), count);
    QVERIFY(std::is_sorted(levels.begin(), levels.end()));
}

QTEST_APPLESS_MAIN(TestReference)
#include "test_reference.moc"
