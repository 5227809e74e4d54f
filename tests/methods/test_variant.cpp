// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <limits>

#include "methods/interface/variant.h"
#include "methods/registry.h"

using namespace quantscope;

class TestVariant : public QObject {
    Q_OBJECT
 private slots:
    void survives_data();
    void survives();
    void oddNamesSurvive();
    void parsesSeveral();
    void errors_data();
    void errors();
    void forms_data();
    void forms();
    void formsSurvive_data();
    void formsSurvive();
    void badForms_data();
    void badForms();
    void executionIsTold();
    void titles_data();
    void titles();
    void globs_data();
    void globs();
    void firstMatchWins();
    void floatMeansNothingIsQuantized();
    void roundToNearestQuantizes();
    void roundToNearestNamesTheLayer();
};

void TestVariant::survives_data() {
    QTest::addColumn<QString>("text");
    for (const char* text :
         {"float", "int8", "int4/affine/group=64", "preset=q4_0", "int8 @act=int8/token",
          "int8 @act-static=int8/affine/tensor", "int4/group=64 @blk.0.*=int8 @*.ffn_down=float",
          "int4 @act=int8/token @blk.0.*=int8 @name=mine", "int4 @\\act=int8"})
        QTest::newRow(text) << text;
}

void TestVariant::survives() {
    QFETCH(QString, text);
    const Result<Variant> variant = parseVariant(text.toStdString());
    QVERIFY2(variant.has_value(), variant ? "" : describe(variant.error()).c_str());
    QCOMPARE(QString::fromStdString(variantText(*variant)), text);
    QCOMPARE(*parseVariant(variantText(*variant)), *variant);
}

void TestVariant::oddNamesSurvive() {
    for (const char* name : {"a;b @c=d", " spaces ", "\\", "ends with \\", "@", "x=y:z", "ümläut",
                             "a@b;c\\;d", "\t\ttabs\n", "\r\n"}) {
        Variant variant;
        variant.name = name;
        variant.overrides.push_back({std::string("pat=") + "@;" + name, Recipe{}});
        const Result<std::vector<Variant>> back = parseVariants(variantText(variant) + " ; float");
        QVERIFY2(back.has_value(), name);
        QCOMPARE(back->size(), size_t{2});
        QVERIFY2(back->front() == variant, variantText(variant).c_str());
    }
}

void TestVariant::parsesSeveral() {
    const auto variants = parseVariants("float; int8/symmetric/channel; int4/affine/group=64;");
    QVERIFY(variants.has_value());
    QCOMPARE(variants->size(), size_t{3});
    QVERIFY((*variants)[0].isFloat());
    QCOMPARE((*variants)[2].weights.scheme.groupSize, int64_t{64});
}

void TestVariant::errors_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("mentions");
    const auto row = [](const char* text, const char* mentions) { QTest::newRow(text) << text << mentions; };
    row("", "no variant");
    row(";;", "no variant");
    row("int4 @", "@name=TEXT");
    row("int4 @act", "@act=SCHEME");
    row("int4 @act=int99", "choose one of");
    row("int4 @blk.*=bad", "int2..int8");
    row("unknown:int4", "rtn");
    row("no-method/int4", "or a method: rtn");
    row("int8; int9/group=64; int4", "variant 2 of 3, 'int9/group=64'");
    row("rtn(x:int4", "')'");
    row("rtn(x):int4", "key=value");
    row("a:b:int4", "':'");
    row("awq(gri\xe2"
        "d=10):int4/group=32",
        "has no option");
    row("awq(grid=0):int4/group=32", "grid");
}

void TestVariant::errors() {
    QFETCH(QString, text);
    QFETCH(QString, mentions);
    const auto variants = parseVariants(text.toStdString());
    QVERIFY(!variants.has_value());
    QCOMPARE(variants.error().kind, ErrorKind::InvalidArgument);
    const QString message = QString::fromStdString(describe(variants.error()));
    QVERIFY2(message.contains(mentions), qPrintable(message));
}

void TestVariant::forms_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("weights");
    QTest::addColumn<QString>("twin");  // the same numbers in float
    const auto row = [](const char* text, const char* weights, const char* twin) {
        QTest::newRow(text) << text << weights << twin;
    };
    row("w8a8/token", "int8/integer", "int8 @act=int8/token/inverse");
    row("w8a8/static", "int8/integer", "int8 @act-static=int8/tensor/inverse");
    row("w8a8/token/threshold=6", "int8/integer", "int8 @act=int8/token/inverse @outliers=6");
    row("llm-int8/threshold=6", "llm-int8/integer", "llm-int8 @act=int8/token/inverse @outliers=6");
    row("w4a8/group=64", "int4/group=64/integer", "int4/group=64 @act=int8/token/inverse");
    row("w4a16/group=64", "int4/group=64/integer", "int4/group=64");
    row("w4a16/uint4/affine/group=32", "uint4/affine/group=32/integer", "uint4/affine/group=32");
    row("w16a16", "float", "float");
}

void TestVariant::forms() {
    QFETCH(QString, text);
    QFETCH(QString, weights);
    QFETCH(QString, twin);
    const auto variant = parseVariant(text.toStdString());
    QVERIFY2(variant.has_value(), variant ? "" : describe(variant.error()).c_str());
    if (weights != "float") QCOMPARE(QString::fromStdString(variantText(*variant)), text);
    Variant plain;
    plain.weights = variant->weights;
    Variant expected = *parseVariant(weights.toStdString());
    QVERIFY(plain.weights == expected.weights);
    Variant fake = *variant;
    setExecution(fake, Execution::Fake);
    QVERIFY(fake == *parseVariant(twin.toStdString()));
}

void TestVariant::formsSurvive_data() {
    QTest::addColumn<QString>("text");
    for (const char* text :
         {"w8a8/token @*.ffn_down=w4a16/group=64", "w8a8/token @*.ffn_down=w8a8/token/fake @blk.0.*=w16a16",
          "float @blk.1.*=llm-int8/threshold=6", "gptq/int4/group=64/integer @act=int8/token",
          "smoothquant/w8a8/alpha=0.5/integer", "smoothquant/w8a8/alpha=0.5", "llm-int8", "llm-int8/integer",
          "int8/integer @act=uint8/affine/token @*.attn_q=int4/integer", "w4a8/group=32 @name=mine",
          "w8a8/token/fake", "w5a6/full"})
        QTest::newRow(text) << text;
}

void TestVariant::formsSurvive() {
    QFETCH(QString, text);
    const auto variant = parseVariant(text.toStdString());
    QVERIFY2(variant.has_value(), variant ? "" : describe(variant.error()).c_str());
    for (const Execution execution : {Execution::Integer, Execution::Fake}) {
        Variant changed = *variant;
        setExecution(changed, execution);
        for (const Variant& each : {*variant, changed}) {
            const auto again = parseVariant(variantText(each));
            QVERIFY2(again.has_value(), variantText(each).c_str());
            QVERIFY2(*again == each, variantText(each).c_str());
        }
    }
}

void TestVariant::badForms_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("mentions");
    QTest::newRow("bits") << "w9a8"
                          << "2 to 8 bits";
    QTest::newRow("range of floats") << "w4a16/static"
                                     << "neither a range";
    QTest::newRow("threshold") << "w8a8/token/threshold=-1"
                               << "threshold=6";
    QTest::newRow("format") << "w4a8/int8"
                            << "no weights of 4 bits";
    QTest::newRow("scheme") << "w4a8/magic"
                            << "magic";
}

void TestVariant::badForms() {
    QFETCH(QString, text);
    QFETCH(QString, mentions);
    const auto variant = parseVariant(text.toStdString());
    QVERIFY(!variant.has_value());
    const QString message = QString::fromStdString(describe(variant.error()));
    QVERIFY2(message.contains(mentions), qPrintable(message));
}

void TestVariant::executionIsTold() {
    QCOMPARE(executionOf(*parseVariant("float")), std::string_view("float"));
    QCOMPARE(executionOf(*parseVariant("int8 @act=int8/token")), std::string_view("fake"));
    QCOMPARE(executionOf(*parseVariant("w8a8/token")), std::string_view("integer"));
    QCOMPARE(executionOf(*parseVariant("w8a8/token @*.ffn_down=int8")), std::string_view("mixed"));
    QCOMPARE(variantTitle(*parseVariant("w4a8/group=64")), std::string("W4A8 g64"));
}

void TestVariant::titles_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("title");
    const auto row = [](const char* text, const char* title) { QTest::newRow(text) << text << title; };
    row("float", "float");
    row("int4/affine/group=64", "int4 affine g64");
    row("int8", "int8 channel");
    row("preset=q4_0", "GGUF Q4_0");
    row("int8 @act=int8/token", "int8 channel, activations int8 token");
    row("int4 @a=int8 @b=int8", "int4 channel, 2 overrides");
    row("int4 @name=mine", "mine");
}

void TestVariant::titles() {
    QFETCH(QString, text);
    QFETCH(QString, title);
    QCOMPARE(QString::fromStdString(variantTitle(*parseVariant(text.toStdString()))), title);
}

void TestVariant::globs_data() {
    QTest::addColumn<QString>("pattern");
    QTest::addColumn<QString>("name");
    QTest::addColumn<bool>("matches");
    const auto row = [](const char* pattern, const char* name, bool matches) {
        QTest::addRow("%s on %s", pattern, name) << pattern << name << matches;
    };
    row("blk.0.*", "blk.0.ffn_down", true);
    row("blk.0.*", "blk.10.ffn_down", false);
    row("*.ffn_down", "blk.3.ffn_down", true);
    row("*.ffn_down", "blk.3.ffn_down2", false);
    row("blk.?.attn_q", "blk.3.attn_q", true);
    row("blk.?.attn_q", "blk.13.attn_q", false);
    row("*", "", true);
    row("", "", true);
    row("", "a", false);
    row("?", "", false);
    row("*a*b*c", "xxaybyyc", true);
    row("*a*b*c", "xxaybyy", false);
    row("*aab", "aaaab", true);
    row("Blk*", "blk.0", false);
    row("a**b", "ab", true);
}

void TestVariant::globs() {
    QFETCH(QString, pattern);
    QFETCH(QString, name);
    QFETCH(bool, matches);
    QCOMPARE(matchesPattern(pattern.toStdString(), name.toStdString()), matches);
}

void TestVariant::firstMatchWins() {
    const Variant variant = *parseVariant("int4 @blk.0.*=int8 @blk.*=int6");
    QCOMPARE(recipeFor(variant, "blk.0.attn_q").scheme.bits, 8);
    QCOMPARE(recipeFor(variant, "blk.1.attn_q").scheme.bits, 6);
    QCOMPARE(recipeFor(variant, "output").scheme.bits, 4);
}

void TestVariant::floatMeansNothingIsQuantized() {
    QVERIFY(parseVariant("float")->isFloat());
    QVERIFY(!parseVariant("float @act=int8/token")->isFloat());
    QVERIFY(!parseVariant("float @blk.*=int8")->isFloat());
    QVERIFY(parseVariant("float @blk.*=float")->isFloat());
}

void TestVariant::roundToNearestQuantizes() {
    const auto method = methodNamed("rtn");
    QVERIFY(method.has_value());
    QCOMPARE((*method)->info().name, std::string("rtn"));
    const Tensor weight = Tensor::fromFloats({2, 2}, {1, -2, 3, 4});
    const auto result = (*method)->quantize({"w", weight}, Recipe{}, Job{});
    QVERIFY(result.has_value());
    QCOMPARE(result->weight->codes(), (std::vector<int32_t>{64, -127, 95, 127}));
    QVERIFY(!methodNamed("magic").has_value());
}

void TestVariant::roundToNearestNamesTheLayer() {
    const Tensor weight = Tensor::fromFloats({1, 2}, {1, std::numeric_limits<float>::infinity()});
    const auto result = (*methodNamed("rtn"))->quantize({"blk.3.ffn_down", weight}, Recipe{}, Job{});
    QVERIFY(!result.has_value());
    QVERIFY(describe(result.error()).find("blk.3.ffn_down") != std::string::npos);
}

QTEST_APPLESS_MAIN(TestVariant)
#include "test_variant.moc"
