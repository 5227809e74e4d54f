// SPDX-License-Identifier: Apache-2.0
// Quantized products: the lectures' worked examples 5 to 8, the expanded terms, the trace of a cell, bad
// input.
#include <QtTest>
#include <cmath>
#include <limits>

#include "analysis/product/product_trace.h"
#include "model/forward/activation_quantizer.h"
#include "product_inputs.h"

using namespace quantscope;
using test::ProductCase;
using test::productOf;

namespace {

constexpr auto kVectorWise = "int8/channel @act=int8/token";
constexpr auto kAffine = "uint8/affine/tensor @act=uint8/affine/tensor";

std::vector<int> codesOf(const ProductOperand& side) {
    return {side.codes.begin(), side.codes.end()};
}

/// Pseudo-random values in [-1, 1) with some structure, the same on every machine.
Tensor wave(int64_t rows, int64_t cols, double frequency, float offset = 0) {
    std::vector<float> values;
    for (int64_t i = 0; i < rows * cols; ++i)
        values.push_back(static_cast<float>(std::sin(frequency * static_cast<double>(i * i % 9973))) +
                         offset);
    return Tensor::fromFloats({rows, cols}, std::move(values));
}

/// How Y^ differs from the product of the values r^, which is what the expanded integer form must equal.
std::string differenceFromValues(const QuantizedProduct& product, const MatrixView& x, const MatrixView& w) {
    for (int64_t i = 0; i < product.rows; ++i) {
        for (int64_t j = 0; j < product.channels; ++j) {
            double expected = 0;
            for (int64_t k = 0; k < product.depth; ++k) {
                expected += product.isLiftedOut(k)
                                ? static_cast<double>(x.at(i, k)) * static_cast<double>(w.at(j, k))
                                : product.x.value(i, k) * product.w.value(j, k);
            }
            const auto got =
                static_cast<double>(product.output[static_cast<size_t>(i * product.channels + j)]);
            if (std::abs(got - expected) > 1e-5 * (1 + std::abs(expected)))
                return QStringLiteral("[%1, %2] %3 instead of %4")
                    .arg(i)
                    .arg(j)
                    .arg(got)
                    .arg(expected)
                    .toStdString();
        }
    }
    return {};
}

}  // namespace

class TestProduct : public QObject {
    Q_OBJECT
 private slots:
    void integerOnlyProduct();
    void absmaxConventions();
    void vectorWiseProduct();
    void outliersLiftedOut();
    void equalsProductOfValues_data();
    void equalsProductOfValues();
    void traceTellsTheWholeWay();
    void traceOfGroupsRestartsTheAccumulator();
    void requantizationNeedsOneFactorAChannel_data();
    void requantizationNeedsOneFactorAChannel();
    void reluIsFused();
    void staticRangeClipsWhatItHasNotSeen();
    void refuses_data();
    void refuses();
    void saysTheSafeDepth();
    void bitsOfAccumulators();
    void thresholdSurvivesAsText();
    void fakeQuantizationKeepsOutliers();
};

/// Worked example 5: both zero points at work, M as an integer multiplier.
void TestProduct::integerOnlyProduct() {
    const auto given = ProductCase::example("integer-only-product", kAffine);
    const auto product = productOf(given);
    QVERIFY2(product.has_value(), product ? "" : describe(product.error()).c_str());
    QVERIFY(product->x.zeroPoint(0, 0) == 0 && product->w.zeroPoint(0, 0) > 0);
    const ProductSegment& only = product->segments.front();
    for (int64_t i = 0; i < product->rows; ++i) {
        for (int64_t j = 0; j < product->channels; ++j) {
            int64_t direct = 0;
            for (int64_t k = 0; k < product->depth; ++k)
                direct += int64_t{product->x.code(i, k) - product->x.zeroPoint(i, k)} *
                          (product->w.code(j, k) - product->w.zeroPoint(j, k));
            QCOMPARE(product->corrected(i, j), direct);
        }
    }
    QCOMPARE(only.xSums.size(), size_t{4});
    const auto requantized = requantizeProduct(*product);
    QVERIFY2(requantized.has_value(), requantized ? "" : describe(requantized.error()).c_str());
    const FixedPointMultiplier& m = requantized->stage.multiplier(0);
    QVERIFY(m.fraction() >= 0.5 && m.fraction() < 1);
    const double real =
        product->x.scale(0, 0) * product->w.scale(0, 0) / static_cast<double>(requantized->outputScale);
    QVERIFY(std::abs(m.value() / real - 1) < std::ldexp(1.0, -30));
    QVERIFY(requantized->codes.largest <= 1);
    QVERIFY(requantized->relativeError < 0.01);
}

/// Worked example 6: 127/absmax, 128/absmax whose largest value saturates, percentiles for unsigned codes.
void TestProduct::absmaxConventions() {
    const Tensor x = test::exampleMatrix("int8-product-x", false);
    const KernelTable& kernels = *kernelTables().back();
    const auto narrow = productOperand(x.matrix(), *parseScheme("int8/token"), kernels, {});
    QCOMPARE(qRound(1e4 / narrow->scale(0, 0)), 84667);
    const auto gamma = productOperand(x.matrix(), *parseScheme("int8/power-of-two/token"), kernels, {});
    QVERIFY2(gamma.has_value(), gamma ? "" : describe(gamma.error()).c_str());
    QCOMPARE(qRound(1e4 / gamma->scale(1, 0)), qRound(1e4 * 128 / 12));
    QCOMPARE(gamma->code(1, 2), 127);
    QCOMPARE(gamma->code(0, 2), -128);
    const auto percentile =
        productOperand(x.matrix(), *parseScheme("uint8/affine/tensor/percentile=10,90"), kernels, {});
    QVERIFY2(percentile.has_value(), percentile ? "" : describe(percentile.error()).c_str());
    const std::vector<int> codes = codesOf(*percentile);
    QCOMPARE(*std::min_element(codes.begin(), codes.end()), 0);
    QCOMPARE(*std::max_element(codes.begin(), codes.end()), 255);
    QVERIFY(std::count(codes.begin(), codes.end(), 255) > 1);  // clipped at the 90th percentile
}

/// Worked example 7, with the right Q(X)[3][2] = 48 where the slide prints 3.
void TestProduct::vectorWiseProduct() {
    const auto given = ProductCase::example("int8-product", kVectorWise);
    const auto product = productOf(given);
    QVERIFY2(product.has_value(), product ? "" : describe(product.error()).c_str());
    QCOMPARE(codesOf(product->x),
             (std::vector<int>{17, 51, -127, -74, 95, 127, 38, -127, 102, 127, 16, 48, -12, 127, 104}));
    QCOMPARE(codesOf(product->w), (std::vector<int>{127, 36, -73, -48, -127, 0}));
    QCOMPARE(product->segments.size(), size_t{1});
    QCOMPARE(product->segments.front().sums,
             (std::vector<int32_t>{13266, -7293, -15249, -8513, -7192, 14305, 13201, -8128, -4544, -15553}));
    const std::vector<int> outer{153610, 134408, 192012, 168010, 230414,
                                 201613, 288018, 252016, 209468, 183284};
    const std::vector<int> result{86362, -54260, -79417, -50669, -31213,
                                  70953, 45834,  -32252, -21693, -84857};
    const std::vector<float> exact{86, -54, -79, -51, -31, 71, 46, -32, -21, -85};
    for (int64_t at = 0; at < 10; ++at) {
        const auto i = static_cast<size_t>(at);
        QCOMPARE(qRound(1000 / (product->x.scale(at / 2, 0) * product->w.scale(at % 2, 0))), outer[i]);
        QCOMPARE(qRound(1000 * product->output[i]), result[i]);
    }
    QCOMPARE(*product->exact, exact);
    QCOMPARE(product->accumulators.beyond(16), uint64_t{0});
    QCOMPARE(product->accumulators.smallest, -15553);
}

/// Worked example 8: one input channel beyond the threshold, multiplied in float.
void TestProduct::outliersLiftedOut() {
    const auto plain = productOf(ProductCase::example("outlier-product", kVectorWise));
    const auto given = ProductCase::example("outlier-product", "int8/channel @act=int8/token @outliers=6");
    const auto lifted = productOf(given);
    QVERIFY(plain && lifted);
    QVERIFY(plain->liftedOut.empty());
    QCOMPARE(lifted->liftedOut, (std::vector<int64_t>{2}));
    for (int64_t i = 0; i < lifted->rows; ++i) QCOMPARE(lifted->x.code(i, 2), 0);
    QCOMPARE(qRound(1000 * plain->error.relative), 67);
    QCOMPARE(qRound(10000 * lifted->error.relative), 31);
    const ProductTrace trace = traceCell(*lifted, given.input.x, given.input.w, 0, 0);
    QVERIFY(trace.steps[2].liftedOut && !trace.steps[3].liftedOut);
    QVERIFY(std::abs(trace.liftedOut - 42.5 * 0.011) < 1e-5);
}

void TestProduct::equalsProductOfValues_data() {
    QTest::addColumn<QString>("variant");
    for (const char* variant :
         {kVectorWise, kAffine, "int8/tensor @act=int8/tensor", "int8/channel @act=uint8/affine/token",
          "int4/affine/group=16 @act=int8/token", "int4/affine/minimum/group=8 @act=int8/affine/group=24",
          "int4/affine/float-zero/group=16 @act=uint8/affine/token", "int8/block=4x8 @act=int8/token",
          "int4/group=16", "int8/channel @act=uint8/affine/token @outliers=0.99", "float @act=int8/token",
          "preset=q4_0 @act=int8/token"})
        QTest::newRow(variant) << variant;
}

void TestProduct::equalsProductOfValues() {
    QFETCH(QString, variant);
    QVERIFY2(parseVariant(variant.toStdString()).has_value(), qPrintable(variant));
    const ProductCase given(wave(7, 64, 0.7, 0.2F), wave(9, 64, 1.3), variant.toStdString());
    const auto product = productOf(given);
    QVERIFY2(product.has_value(), product ? "" : describe(product.error()).c_str());
    const std::string difference = differenceFromValues(*product, given.input.x, given.input.w);
    QVERIFY2(difference.empty(), difference.c_str());
    const ProductTrace trace = traceCell(*product, given.input.x, given.input.w, 3, 5);
    const auto cell = static_cast<double>(product->output[3 * 9 + 5]);
    QVERIFY(std::abs(trace.value - cell) <= 1e-6 * (1 + std::abs(cell)));
    QVERIFY(std::abs(trace.steps.back().running - trace.value) < 1e-5);
}

void TestProduct::traceTellsTheWholeWay() {
    const auto given = ProductCase::example("int8-product", kVectorWise);
    const auto product = productOf(given);
    const ProductTrace trace = traceCell(*product, given.input.x, given.input.w, 0, 0);
    std::vector<int64_t> products;
    std::vector<int64_t> accumulators;
    for (const TraceStep& step : trace.steps) {
        products.push_back(step.product);
        accumulators.push_back(step.accumulator);
    }
    QCOMPARE(products, (std::vector<int64_t>{2159, 1836, 9271}));
    QCOMPARE(accumulators, (std::vector<int64_t>{2159, 3995, 13266}));
    QCOMPARE(trace.exact, 86.0);
    QCOMPARE(qRound(1000 * trace.error), 362);
    QVERIFY(!trace.requantization);

    const auto affine = ProductCase::example("integer-only-product", kAffine);
    const auto whole = productOf(affine);
    const auto requantized = requantizeProduct(*whole);
    for (int64_t i = 0; i < whole->rows; ++i) {
        const ProductTrace cell = traceCell(*whole, affine.input.x, affine.input.w, i, 1, &*requantized);
        const TraceSegment& segment = cell.segments.front();
        QCOMPARE(segment.sum + segment.wTerm + segment.xTerm + segment.bothTerm, whole->corrected(i, 1));
        const TraceRequantization& stage = *cell.requantization;
        QCOMPARE(std::clamp(stage.shifted + stage.zeroPoint, stage.clampMin, stage.clampMax), stage.code);
        QVERIFY(std::abs(stage.value - cell.value) <= 0.51 * static_cast<double>(stage.scale));
    }
}

void TestProduct::traceOfGroupsRestartsTheAccumulator() {
    const ProductCase given(wave(2, 40, 0.7), wave(3, 40, 1.3), "int4/group=16 @act=int8/token");
    const auto product = productOf(given);
    QVERIFY(product.has_value());
    QCOMPARE(product->segments.size(), size_t{3});  // the last group is shorter
    const ProductTrace trace = traceCell(*product, given.input.x, given.input.w, 1, 2);
    QCOMPARE(trace.steps[16].accumulator, trace.steps[16].product);
    QCOMPARE(trace.steps[15].accumulator, trace.segments[0].sum);
    QCOMPARE(trace.segments[2].begin, int64_t{32});
    QCOMPARE(product->accumulators.count, int64_t{2 * 3 * 3});
}

void TestProduct::requantizationNeedsOneFactorAChannel_data() {
    QTest::addColumn<QString>("variant");
    QTest::addColumn<bool>("possible");
    QTest::newRow("tensor") << "int8/tensor @act=int8/tensor" << true;
    QTest::newRow("channel") << "int8/channel @act=uint8/affine/tensor" << true;
    QTest::newRow("token") << kVectorWise << false;
    QTest::newRow("group") << "int4/group=2 @act=int8/tensor" << false;
    QTest::newRow("float X") << "int4/channel" << false;
    QTest::newRow("outliers") << "int8/channel @act=int8/tensor @outliers=5" << false;
    QTest::newRow("float zero") << "int8/affine/float-zero/channel @act=int8/tensor" << false;
}

void TestProduct::requantizationNeedsOneFactorAChannel() {
    QFETCH(QString, variant);
    QFETCH(bool, possible);
    const auto product = productOf(ProductCase::example("integer-only-product", variant.toStdString()));
    QVERIFY2(product.has_value(), product ? "" : describe(product.error()).c_str());
    const auto requantized = requantizeProduct(*product);
    QCOMPARE(requantized.has_value(), possible);
    if (possible) {
        QVERIFY(requantized->relativeError < 0.02);
        QVERIFY(requantized->codes.largest <= 1);
    } else {
        QCOMPARE(requantized.error().kind, ErrorKind::InvalidArgument);
    }
}

void TestProduct::reluIsFused() {
    const auto product = productOf(ProductCase::example("int8-product", "int8/tensor @act=int8/tensor"));
    const auto requantized = requantizeProduct(*product, true);
    QVERIFY(requantized.has_value());
    for (size_t at = 0; at < product->exact->size(); ++at)
        QVERIFY(((*product->exact)[at] < 0) ==
                (requantized->codes.fixed[at] == requantized->stage.zeroPoint));
}

void TestProduct::staticRangeClipsWhatItHasNotSeen() {
    ProductCase given = ProductCase::example("int8-product", "int8/channel @act-static=int8/tensor");
    given.input.calibrationRows = 2;  // largest magnitude 15; the whole has no larger one
    const auto seen = productOf(given);
    QVERIFY(seen.has_value());
    QCOMPARE(qRound(1e4 * seen->x.scale(0, 0)), qRound(1e4 * 15 / 127.0));
    std::vector<float> louder(given.x.floats().begin(), given.x.floats().end());
    louder.back() = 100;
    ProductCase clipped(Tensor::fromFloats({5, 3}, louder), given.w, "int8/channel @act-static=int8/tensor");
    clipped.input.calibrationRows = 2;
    const auto product = productOf(clipped);
    QCOMPARE(product->x.code(4, 2), 127);
    QVERIFY(product->error.relative > 0.3);
    clipped.input.calibrationRows = 0;
    QVERIFY(productOf(clipped)->error.relative < 0.05);
}

void TestProduct::refuses_data() {
    QTest::addColumn<QString>("variant");
    QTest::addColumn<int>("cols");
    QTest::addColumn<float>("bad");
    QTest::addColumn<QString>("mentions");
    const float nan = std::nanf("");
    QTest::newRow("shapes") << kVectorWise << 5 << 1.0F << "5 columns, but W takes 6 inputs";
    QTest::newRow("NaN activations") << kVectorWise << 6 << nan << "NaN";
    QTest::newRow("NaN float activations") << "int8/channel" << 6 << nan << "NaN or infinite";
    QTest::newRow("infinite") << kAffine << 6 << std::numeric_limits<float>::infinity() << "inf";
    QTest::newRow("int16") << "int8/channel @act=int16/token" << 6 << 1.0F << "up to 8 bits";
    QTest::newRow("along inputs") << "int8/input-channel @act=int8/token" << 6 << 1.0F << "along the inputs";
    QTest::newRow("no code for 0") << "int8/channel @act=uint8/affine/no-zero/tensor @outliers=0.5" << 6
                                   << 1.0F << "no code for 0";
}

void TestProduct::refuses() {
    QFETCH(QString, variant);
    QFETCH(int, cols);
    QFETCH(float, bad);
    QFETCH(QString, mentions);
    QVERIFY2(parseVariant(variant.toStdString()).has_value(), qPrintable(variant));
    const Tensor plain = wave(3, cols, 0.7);
    std::vector<float> values(plain.floats().begin(), plain.floats().end());
    values[4] = bad;
    const ProductCase given(Tensor::fromFloats({3, cols}, values), wave(4, 6, 1.1), variant.toStdString());
    const auto product = productOf(given);
    QVERIFY(!product);
    const QString message = QString::fromStdString(describe(product.error()));
    QVERIFY2(message.contains(mentions, Qt::CaseInsensitive), qPrintable(message));
    QVERIFY(product.error().kind != ErrorKind::Internal);
}

/// 255 x 255 is safe up to K = 33025, 127 x 127 as far as the kernels go.
void TestProduct::saysTheSafeDepth() {
    const ProductCase affine(wave(1, 33026, 0.7), wave(1, 33026, 1.1), kAffine);
    const auto refused = productOf(affine);
    QVERIFY(!refused);
    QVERIFY2(refused.error().message.find("33025") != std::string::npos, refused.error().message.c_str());
    const auto symmetric = productOf({affine.x, affine.w, kVectorWise});
    QVERIFY(symmetric.has_value());
    QCOMPARE(symmetric->depthLimit, int64_t{131071});
}

void TestProduct::bitsOfAccumulators() {
    QCOMPARE(bitsNeeded(0), 1);
    QCOMPARE(bitsNeeded(-1), 1);
    QCOMPARE(bitsNeeded(1), 2);
    QCOMPARE(bitsNeeded(127), 8);
    QCOMPARE(bitsNeeded(-128), 8);
    QCOMPARE(bitsNeeded(128), 9);
    QCOMPARE(bitsNeeded(32767), 16);
    QCOMPARE(bitsNeeded(-32769), 17);
    QCOMPARE(bitsNeeded(std::numeric_limits<int32_t>::min()), 32);
    AccumulatorHistogram a;
    AccumulatorHistogram b;
    a.add(32767);
    b.add(-40000);
    b.add(1 << 24);
    a.merge(b);
    QCOMPARE(a.beyond(16), uint64_t{2});
    QCOMPARE(a.beyond(24), uint64_t{1});
    QCOMPARE(a.beyond(32), uint64_t{0});
    QCOMPARE(a.smallest, -40000);
    QCOMPARE(a.largest, 1 << 24);
}

void TestProduct::thresholdSurvivesAsText() {
    const std::string text = "int8 @act=int8/token @outliers=6.5 @blk.0.*=float";
    QCOMPARE(variantText(parseVariant(text).value()), text);
    QCOMPARE(parseVariant(text)->activations->outlierThreshold, 6.5);
    QVERIFY(!parseVariant("int8 @outliers=6"));
    QVERIFY(!parseVariant("int8 @act=int8/token @outliers=-1"));
    QVERIFY(!parseVariant("int8 @act=int8/token @outliers=six"));
}

void TestProduct::fakeQuantizationKeepsOutliers() {
    auto quantizer = ActivationQuantizer::dynamic(*parseScheme("int8/token"), *kernelTables().back());
    QVERIFY(quantizer.has_value());
    quantizer->keepOutliers(6);
    std::vector<float> values{1, -3, 60, 0.5F, 2, -50};
    QVERIFY(quantizer->apply({values.data(), 2, 3, 3}, values.data()).has_value());
    QCOMPARE(values[2], 60.0F);
    QCOMPARE(values[5], -50.0F);
    QCOMPARE(values[1], -3.0F);  // the largest that is left: a step of 3 / 127, not 60 / 127
    QVERIFY(std::abs(values[0] - 1) < 0.5F * 3 / 127 + 1e-6F);
}

QTEST_APPLESS_MAIN(TestProduct)
#include "test_product.moc"
