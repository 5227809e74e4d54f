// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <set>

#include "quant/scheme/scheme.h"
#include "quant/scheme/scheme_presets.h"

using namespace quantscope;

namespace {

std::set<std::string> keysOf(const Scheme& scheme) {
    std::set<std::string> keys;
    for (const ParameterInfo& info : schemeParameters(scheme)) keys.insert(info.key);
    return keys;
}

}  // namespace

class TestSchemeParameters : public QObject {
    Q_OBJECT
 private slots:
    void onlyWhatAppliesIsListed_data();
    void onlyWhatAppliesIsListed();
    void everyChoiceCanBeSet();
    void numbersAreSetAndChecked();
    void conventionFollowsTheFields();
    void conventionKeepsWhatItLeavesFree();
    void errorsListWhatIsAccepted();
};

void TestSchemeParameters::onlyWhatAppliesIsListed_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<QString>("with");
    QTest::addColumn<QString>("without");
    const auto row = [](const char* scheme, const char* with, const char* without) {
        QTest::newRow(scheme) << scheme << with << without;
    };
    row("float", "format", "bits,mapping,granularity,estimator,rounding,scale-format,convention");
    row("int8", "format,bits,convention,mapping,range,granularity,estimator,rounding,scale-format",
        "group-size,percentile-low,zero-domain,seed,zero-inside,manual-low,encode-unrounded");
    row("int4/affine/group=64", "group-size,zero-domain,includes-zero,zero-inside", "range,block-rows");
    row("int4/block=4x4", "block-rows,block-cols", "group-size");
    row("int4/percentile=1,99", "percentile-low,percentile-high", "momentum");
    row("int4/moving-average", "momentum", "percentile-low");
    row("int4/manual=-1,1", "manual-low,manual-high", "momentum");
    row("int4/stochastic=4", "seed", "momentum");
    row("preset=q4_1", "encode-unrounded", "zero-inside");
}

void TestSchemeParameters::onlyWhatAppliesIsListed() {
    QFETCH(QString, scheme);
    QFETCH(QString, with);
    QFETCH(QString, without);
    const std::set<std::string> keys = keysOf(*parseScheme(scheme.toStdString()));
    for (const QString& key : with.split(',')) QVERIFY2(keys.contains(key.toStdString()), qPrintable(key));
    for (const QString& key : without.split(','))
        QVERIFY2(!keys.contains(key.toStdString()), qPrintable(key));
}

// Each choice of each control, from several schemes: valid, and read back as it was set.
void TestSchemeParameters::everyChoiceCanBeSet() {
    int set = 0;
    for (const char* text :
         {"int8", "int4/affine/group=64", "int4/percentile=1,99", "preset=q4_0", "float"}) {
        const Scheme scheme = *parseScheme(text);
        for (const ParameterInfo& info : schemeParameters(scheme)) {
            QVERIFY(!info.label.empty() && !info.help.empty());
            if (info.kind != ParameterKind::Choice) continue;
            for (const ParameterChoice& choice : info.choices) {
                const Result<Scheme> changed = withSchemeParameter(scheme, info.key, choice.value);
                QVERIFY2(changed.has_value(), changed ? "" : describe(changed.error()).c_str());
                ++set;
                // Equal conventions share the first name; custom leaves the scheme as it is.
                if (info.key == "convention") continue;
                QCOMPARE(schemeParameter(*changed, info.key), choice.value);
            }
        }
    }
    QVERIFY(set > 100);
}

void TestSchemeParameters::numbersAreSetAndChecked() {
    const Scheme scheme = *parseScheme("int4/affine/group=64/percentile=1,99/stochastic=2");
    QCOMPARE(withSchemeParameter(scheme, "bits", "3")->bits, 3);
    QCOMPARE(withSchemeParameter(scheme, "group-size", "32")->groupSize, int64_t{32});
    QCOMPARE(withSchemeParameter(scheme, "percentile-high", "99.5")->percentileHigh, 99.5);
    QCOMPARE(withSchemeParameter(scheme, "seed", "9")->seed, uint64_t{9});
    QCOMPARE(withSchemeParameter(scheme, "inverse", "true")->multiplyByInverse, true);
    for (const auto& [key, value] :
         {std::pair{"bits", "9"}, std::pair{"bits", "x"}, std::pair{"group-size", "0"},
          std::pair{"percentile-low", "99.5"}, std::pair{"seed", "-1"}, std::pair{"inverse", "yes"},
          std::pair{"percentile-low", "nan"}})
        QVERIFY2(!withSchemeParameter(scheme, key, value).has_value(), key);
}

void TestSchemeParameters::conventionFollowsTheFields() {
    for (const SchemePreset& preset : schemePresets()) {
        const SchemePreset* followed = presetFollowedBy(preset.scheme);
        QVERIFY(followed != nullptr);
        QCOMPARE(withPreset(preset.scheme, *followed), preset.scheme);
    }
    QCOMPARE(schemeParameter(*parseScheme("int5/group=32"), "convention"), std::string("absmax"));
    QCOMPARE(schemeParameter(*parseScheme("uint3/full/group=32"), "convention"), std::string("gptq"));
    QCOMPARE(schemeParameter(*parseScheme("preset=q4_0"), "convention"), std::string("q4_0"));
    QCOMPARE(schemeParameter(*parseScheme("int4/half-up"), "convention"), std::string("custom"));
}

void TestSchemeParameters::conventionKeepsWhatItLeavesFree() {
    const Scheme scheme = *parseScheme("int3/group=64/mse");
    QCOMPARE(schemeText(*withSchemeParameter(scheme, "convention", "awq")),
             std::string("uint3/affine/group=64/mse/no-zero"));
    QCOMPARE(schemeText(*withSchemeParameter(scheme, "convention", "q5_0")), std::string("preset=q5_0"));
    QCOMPARE(*withSchemeParameter(scheme, "convention", "custom"), scheme);
}

void TestSchemeParameters::errorsListWhatIsAccepted() {
    const auto key = withSchemeParameter(Scheme{}, "colour", "red");
    QVERIFY(!key && key.error().fix.find("granularity") != std::string::npos);
    const auto value = withSchemeParameter(Scheme{}, "rounding", "nearest");
    QVERIFY(!value && value.error().fix.find("half-even") != std::string::npos);
    QCOMPARE(schemeParameter(Scheme{}, "colour"), std::string());
}

QTEST_APPLESS_MAIN(TestSchemeParameters)
#include "test_scheme_parameters.moc"
