// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <set>

#include "base/random.h"
#include "quant/estimators/range_estimator.h"
#include "quant/formats/number_format.h"
#include "quant/scheme/scheme.h"

using namespace quantscope;

namespace {

template <class E>
E pick(const CounterRandom& random, uint64_t& n, int count) {
    return static_cast<E>(random.bits(n++) % static_cast<uint64_t>(count));
}

/// Any valid scheme: every choice and, now and then, values other than the defaults where nothing uses them.
Scheme randomScheme(uint64_t seed) {
    const CounterRandom random(seed);
    uint64_t n = 0;
    const auto flag = [&] { return random.bits(n++) % 2 == 0; };
    Scheme s;
    s.bits = std::array{2, 3, 4, 5, 6, 7, 8, 16}[random.bits(n++) % 8];
    s.isSigned = flag();
    s.mapping = pick<Mapping>(random, n, 2);
    s.symmetricRange = pick<SymmetricRange>(random, n, 5);
    s.zeroPointDomain = pick<ZeroPointDomain>(random, n, 3);
    s.rangeIncludesZero = flag();
    s.zeroPointInside = flag();
    s.multiplyByInverse = flag();
    s.encodeUnrounded = flag();
    s.estimator = pick<RangeEstimator>(random, n, 6);
    s.rounding = pick<Rounding>(random, n, 7);
    s.granularity = pick<Granularity>(random, n, 6);
    s.scaleFormat = pick<ScaleFormat>(random, n, 3);
    if (flag()) s.percentileLow = random.uniform(n++) * 50;
    if (flag()) s.percentileHigh = 50 + random.uniform(n++) * 50;
    if (flag()) s.momentum = random.uniform(n++);
    if (flag()) s.manualLow = -random.uniform(n++) - 1e-9;
    if (flag()) s.manualHigh = random.uniform(n++) * 1e12;
    if (flag()) s.seed = random.bits(n++);
    if (flag()) s.groupSize = 1 + static_cast<int64_t>(random.bits(n++) % 5000);
    if (flag()) s.blockRows = 1 + static_cast<int64_t>(random.bits(n++) % 5000);
    if (flag()) s.blockCols = 1 + static_cast<int64_t>(random.bits(n++) % 5000);
    return s;
}

}  // namespace

class TestSchemeText : public QObject {
    Q_OBJECT
 private slots:
    void randomSchemesSurvive();
    void presetsSurvive();
    void everyEstimatorOfTheTableSurvives();
    void prints_data();
    void prints();
    void orderIsFree();
    void presetThenParts();
    void errors_data();
    void errors();
    void titles_data();
    void titles();
};

void TestSchemeText::randomSchemesSurvive() {
    std::set<std::string> texts;
    std::set<size_t> hashes;
    for (uint64_t seed = 0; seed < 20000; ++seed) {
        const Scheme scheme = randomScheme(seed);
        QVERIFY(validate(scheme).has_value());
        const std::string text = schemeText(scheme);
        const Result<Scheme> back = parseScheme(text);
        QVERIFY2(back.has_value(), back ? "" : (text + ": " + describe(back.error())).c_str());
        QVERIFY2(*back == scheme, text.c_str());
        QCOMPARE(back->hash(), scheme.hash());
        texts.insert(text);
        hashes.insert(scheme.hash());
    }
    QCOMPARE(texts.size(), hashes.size());
    QVERIFY(texts.size() > 19000);
}

void TestSchemeText::presetsSurvive() {
    std::set<std::string> names;
    for (const SchemePreset& preset : schemePresets()) {
        QVERIFY(validate(preset.scheme).has_value());
        QCOMPARE(*parseScheme("preset=" + preset.name), preset.scheme);
        QCOMPARE(*parseScheme(schemeText(preset.scheme)), preset.scheme);
        QVERIFY(names.insert(preset.name).second);
    }
    QCOMPARE(*parseScheme(schemeText(floatScheme())), floatScheme());
}

// Also relative to a scheme that uses another one: a name is left out only where both use the same.
void TestSchemeText::everyEstimatorOfTheTableSurvives() {
    const std::string accepted = describe(parseScheme("int4/nonsense").error());
    for (const RangeEstimatorInfo& own : rangeEstimators()) {
        QVERIFY2(accepted.find(own.name) != std::string::npos, own.name.c_str());
        QCOMPARE(parseScheme("int4/" + own.name)->estimator, own.estimator);
        for (const RangeEstimatorInfo& other : rangeEstimators()) {
            Scheme base;
            base.estimator = other.estimator;
            Scheme scheme = base;
            scheme.estimator = own.estimator;
            scheme.percentileLow = 1;
            scheme.momentum = 0.25;
            scheme.manualHigh = 2;
            const std::string text = schemeText(scheme, base);
            const auto back = parseScheme(text, base);
            QVERIFY2(back.has_value(), text.c_str());
            QVERIFY2(*back == scheme, text.c_str());
        }
    }
}

void TestSchemeText::prints_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("printed");
    const auto row = [](const char* text, const char* printed) { QTest::newRow(text) << text << printed; };
    row("float", "float");
    row("int8", "int8");
    row("int8/symmetric/channel", "int8");
    row("int4/affine/group=64/minmax/half-even", "int4/affine/group=64");
    row("uint8/affine/percentile=10,90", "uint8/affine/percentile=10,90");
    row("int4/symmetric/full/channel/half-away", "int4/full/half-away");
    row("int4/group", "int4/group=128");
    row("int4/manual=-0.5,1e-3", "int4/manual=-0.5,0.001");
    row("int4/stochastic", "int4/stochastic=0");
    row("int4/group=64/tensor", "int4/tensor/group-size=64");
    row("preset=q4_0", "preset=q4_0");
    row("uint4/signed-extreme/group=32/half-up/f16-scale/zero-inside/inverse/encode-unrounded",
        "preset=q4_0");
    row("preset=gptq", "uint4/full/group=128");
}

void TestSchemeText::prints() {
    QFETCH(QString, text);
    QFETCH(QString, printed);
    const Result<Scheme> scheme = parseScheme(text.toStdString());
    QVERIFY2(scheme.has_value(), scheme ? "" : describe(scheme.error()).c_str());
    QCOMPARE(QString::fromStdString(schemeText(*scheme)), printed);
}

void TestSchemeText::orderIsFree() {
    QCOMPARE(*parseScheme("int4/group=64/affine/mse/half-up"),
             *parseScheme("int4/half-up/mse/affine/group=64"));
}

void TestSchemeText::presetThenParts() {
    Scheme expected = *parseScheme("preset=awq");
    expected.groupSize = 64;
    QCOMPARE(*parseScheme("preset=awq/group=64"), expected);
}

void TestSchemeText::errors_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("mentions");
    const auto row = [](const char* text, const char* mentions) { QTest::newRow(text) << text << mentions; };
    row("", "int2..int8");
    row("int", "int2..int8");
    row("int9", "choose one of 2, 3, 4, 5, 6, 7, 8, 16");
    row("int4x", "int2..int8");
    row("nf4", "int2..int8");
    row("float8", "int2..int8");
    row("int4/", "affine");
    row("int4/assymetric", "affine");
    row("int4/group=0", "1 or more");
    row("int4/group=-5", "1 or more");
    row("int4/group=abc", "group=64");
    row("int4/group=99999999999999999999", "group=64");
    row("int4/percentile=90,10", "low < high");
    row("int4/percentile=5", "percentile=0.1,99.9");
    row("int4/manual=1,1", "low < high");
    row("int4/manual=-inf,1", "manual=-1,1");
    row("int4/manual=-1e300,1", "finite");
    row("int4/moving-average=1", "momentum < 1");
    row("int4/block=0x4", "1x1");
    row("preset=unknown", "q4_0");
}

void TestSchemeText::errors() {
    QFETCH(QString, text);
    QFETCH(QString, mentions);
    const Result<Scheme> scheme = parseScheme(text.toStdString());
    QVERIFY(!scheme.has_value());
    QCOMPARE(scheme.error().kind, ErrorKind::InvalidArgument);
    const QString message = QString::fromStdString(describe(scheme.error()));
    QVERIFY2(message.contains(mentions), qPrintable(message));
}

void TestSchemeText::titles_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("title");
    QTest::newRow("group") << "int4/affine/group=64"
                           << "int4 affine, group 64";
    QTest::newRow("channel") << "int8"
                             << "int8 symmetric, per channel";
    QTest::newRow("float") << "float"
                           << "float";
    QTest::newRow("estimator") << "uint8/affine/tensor/mse"
                               << "uint8 affine, per tensor, mse";
}

void TestSchemeText::titles() {
    QFETCH(QString, text);
    QFETCH(QString, title);
    QCOMPARE(QString::fromStdString(schemeTitle(*parseScheme(text.toStdString()))), title);
}

QTEST_APPLESS_MAIN(TestSchemeText)
#include "test_scheme_text.moc"
