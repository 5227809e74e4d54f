// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/recipe_editing.h"

#include <QtTest>
#include <algorithm>
#include <map>
#include <set>

#include "method_inputs.h"
#include "methods/interface/integer_layout.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/variant_text.h"
#include "methods/registry.h"

using namespace quantscope;
using namespace quantscope::test;

class TestRecipeEditing : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase();
    void anUntouchedVariantBecomesTheBareTextForm();
    void aTouchedOneKeepsItsBitsGroupAndMapping_data();
    void aTouchedOneKeepsItsBitsGroupAndMapping();
    void everyPairOfMethodsLeadsToARecipeThatQuantizes();
    void everyChoiceThatIsOfferedQuantizes();
    void onlyWhatHasInfluenceIsOffered();
    void whatCannotWorkIsNotOfferedAndSaysWhy();
    void valuesAreCheckedAgainstTheirDescription();
    void aRecipeWrittenByHandNamesTheControlThatMendsIt();
    void integerExecutionEndsWhereNoProductTakesTheCodes();
    void activationsOfTheOldMethodGoAndOthersStay();
    void staticRangesDoNotFollowTokens();
    void floatTakesTheMethodAway();
    void everyRuleNamesAParameterAndItsValues();

 private:
    /// Why the recipe cannot be quantized, or nothing. Every recipe is tried once.
    QString whyNotQuantized(const Variant& variant);

    LayerInput m_layer;
    std::map<std::string, QString> m_tried;
};

namespace {

Variant parsed(const char* text) {
    return parseVariant(text).value();
}

std::vector<std::string> keysOf(const Variant& variant) {
    std::vector<std::string> keys;
    for (const ParameterInfo& info : weightParameters(variant)) keys.push_back(info.key);
    return keys;
}

bool has(const std::vector<std::string>& keys, const char* key) {
    return std::ranges::find(keys, key) != keys.end();
}

/// The values that a control offers.
std::vector<std::string> valuesOf(const ParameterInfo& info) {
    if (info.kind == ParameterKind::Toggle) return {"true", "false"};
    std::vector<std::string> values;
    for (const ParameterChoice& choice : info.choices) values.push_back(choice.value);
    return values;
}

/// The edits that the method takes, one after the other.
Variant edited(Variant variant, const std::vector<std::pair<const char*, const char*>>& edits) {
    for (const auto& [key, value] : edits)
        if (const auto changed = withWeightParameter(variant, key, value)) variant = *changed;
    return variant;
}

/// Variants of a method that somebody has changed: bits, groups, mapping, its own options, execution.
std::vector<Variant> touchedOnes(const MethodInfo& info) {
    const Variant start = defaultVariant(info);
    std::vector<Variant> touched{
        edited(start, {{"bits", "3"}}),
        edited(start, {{"bits", "5"}, {"granularity", "group"}, {"group-size", "16"}}),
        edited(start, {{"granularity", "tensor"}, {"mapping", "affine"}}),
        edited(start, {{"mapping", "symmetric"}, {"bits", "4"}}),
        edited(start, {{"bits", "16"}, {"granularity", "block"}})};
    Variant options = start;
    for (const ParameterInfo& parameter : info.parameters) {
        if (parameter.kind != ParameterKind::Toggle && parameter.kind != ParameterKind::Choice) continue;
        for (const std::string& value : valuesOf(parameter)) {
            if (value == parameter.defaultValue) continue;
            if (const auto changed = withWeightParameter(options, parameter.key, value)) options = *changed;
        }
    }
    touched.push_back(options);
    Variant integer = edited(start, {{"bits", "8"}, {"granularity", "channel"}});
    integer = withActivationParameter(integer, "activations", "true").value();
    if (info.runsOnIntegerKernels) setExecution(integer, Execution::Integer);
    touched.push_back(integer);
    return touched;
}

}  // namespace

void TestRecipeEditing::initTestCase() {
    m_layer = {"blk.0.ffn_down", goldenWeight(64, 64), calibrationOf(goldenTokens(96, 64))};
}

QString TestRecipeEditing::whyNotQuantized(const Variant& variant) {
    const Recipe& recipe = variant.weights;
    const std::string text = recipeText(recipe);
    if (recipe.execution == Execution::Integer && !integerLayout(recipe, variant.activations))
        return QString::fromStdString(text + " has no integer product");
    const auto [tried, isNew] = m_tried.try_emplace(text);
    QString& why = tried->second;
    if (!isNew) return why;
    const auto result = quantizeLayer(m_layer, recipe, {});
    const auto back = parseRecipe(text);
    if (!result) why = QString::fromStdString(text + ": " + describe(result.error()));
    if (objectionTo(variant)) why = QString::fromStdString(text + " is objected to");
    if (!back || *back != recipe) why = QString::fromStdString(text + " reads differently");
    return why;
}

void TestRecipeEditing::anUntouchedVariantBecomesTheBareTextForm() {
    for (const Method* from : allMethods()) {
        for (const Method* to : allMethods()) {
            const std::string& name = to->info().name;
            const auto chosen = withMethod(parsed(from->info().name.c_str()), name);
            QVERIFY(chosen.has_value());
            const std::string pair = from->info().name + " -> " + name + ": " + variantText(*chosen);
            QVERIFY2(*chosen == parsed(name.c_str()), pair.c_str());
            QVERIFY(*chosen == defaultVariant(to->info()));
        }
    }
    QVERIFY(!withMethod(parsed("rtn"), "no-method").has_value());
}

void TestRecipeEditing::aTouchedOneKeepsItsBitsGroupAndMapping_data() {
    QTest::addColumn<QString>("from");
    QTest::addColumn<QString>("method");
    QTest::addColumn<QString>("becomes");
    const auto row = [](const char* from, const char* method, const char* becomes) {
        QTest::newRow(qPrintable(QString("%1 to %2").arg(from, method))) << from << method << becomes;
    };
    row("int3/group=64", "gptq", "gptq/int3/group=64");
    row("int3/affine/group=64", "gptq", "gptq/int3/affine/group=64");
    row("int3/group=64", "awq", "awq/int3/symmetric/group=64");
    row("int3/affine/float-zero/group=64", "adaround", "adaround/int3/affine/group=64");
    row("int3/group=64", "hqq", "hqq/int3/group=64");
    row("int3/tensor", "hqq", "hqq/int3");
    row("int3/group=64", "kmeans", "kmeans/int3");
    row("int16", "kmeans", "kmeans");
    row("int3/tensor", "kmeans", "kmeans/int3/tensor");
    row("int3/group=64", "smoothquant", "smoothquant/w3a8/group=64");
    row("int3/affine/group=64", "llm-int8", "llm-int8/int3");
    row("int3/group=64", "nf4", "nf4");
    row("int3/group=64", "quip-sharp", "quip-sharp/bits=3");
    row("int5/group=64", "quip-sharp", "quip-sharp");
    row("quip-sharp/bits=3", "gptq", "gptq/int3");
    row("int3/group=64", "wanda", "wanda");
    row("wanda/int3/group=64/then-quantize", "gptq", "gptq/int3/group=64");
    row("gptq/int3/group=64", "rtn", "int3/group=64");
    row("int3/block=4x4", "hadamard", "hadamard/int3/block=4x4");
    row("gptq/int3/group=32/act-order/damp=0.1", "awq", "awq/int3/symmetric/group=32");
    row("gptq/int3/group=32 @act=int8/token", "awq", "awq/int3/symmetric/group=32 @act=int8/token");
    row("nf4/block=128", "gptq", "gptq");
    row("float", "gptq", "gptq");
    row("int3/group=64 @blk.0.*=int8 @name=mine", "gptq", "gptq/int3/group=64 @blk.0.*=int8 @name=mine");
}

void TestRecipeEditing::aTouchedOneKeepsItsBitsGroupAndMapping() {
    QFETCH(QString, from);
    QFETCH(QString, method);
    QFETCH(QString, becomes);
    const Variant start = parsed(from.toStdString().c_str());
    const auto chosen = withWeightParameter(start, "method", method.toStdString());
    QVERIFY(chosen.has_value());
    // What cannot stay is the new method's own, sizes that nothing uses aside.
    QCOMPARE(QString::fromStdString(variantText(*chosen)),
             QString::fromStdString(variantText(parsed(becomes.toStdString().c_str()))));
}

void TestRecipeEditing::everyPairOfMethodsLeadsToARecipeThatQuantizes() {
    for (const Method* from : allMethods()) {
        std::vector<Variant> starts = touchedOnes(from->info());
        starts.push_back(defaultVariant(from->info()));
        for (const Variant& start : starts) {
            const QString before = whyNotQuantized(start);
            QVERIFY2(before.isEmpty(), qPrintable(before));
            for (const Method* to : allMethods()) {
                const auto chosen = withMethod(start, to->info().name);
                QVERIFY(chosen.has_value());
                QCOMPARE(chosen->weights.method, to->info().name);
                const QString why = whyNotQuantized(*chosen);
                QVERIFY2(why.isEmpty(),
                         qPrintable(QString::fromStdString(variantText(start)) + " -> " + why));
            }
        }
    }
    QVERIFY(m_tried.size() > 100);
}

void TestRecipeEditing::everyChoiceThatIsOfferedQuantizes() {
    for (const Method* method : allMethods()) {
        const Variant start = defaultVariant(method->info());
        for (const ParameterInfo& info : weightParameters(start)) {
            if (info.key == "method") continue;
            for (const std::string& value : valuesOf(info)) {
                const auto changed = withWeightParameter(start, info.key, value);
                const std::string where = method->info().name + " " + info.key + "=" + value;
                QVERIFY2(changed.has_value(), where.c_str());
                QVERIFY2(!whyNot(start, info.key, value), where.c_str());
                if (changed->weights.scheme.isFloat()) continue;
                const QString why = whyNotQuantized(*changed);
                QVERIFY2(why.isEmpty(), qPrintable(why));
            }
        }
    }
}

void TestRecipeEditing::onlyWhatHasInfluenceIsOffered() {
    for (const Method* method : allMethods()) {
        const MethodInfo& info = method->info();
        const auto keys = keysOf(defaultVariant(info));
        const std::set<std::string> unique(keys.begin(), keys.end());
        QVERIFY2(unique.size() == keys.size(), info.name.c_str());
        QCOMPARE(keys.front(), std::string("method"));
        if (info.usesScheme && info.kind != MethodKind::Sparsifier) continue;
        QVERIFY2(keys.size() == 1 + info.parameters.size(), info.name.c_str());
    }
    QVERIFY(has(keysOf(parsed("wanda/then-quantize")), "bits"));
    QVERIFY(!has(keysOf(parsed("wanda")), "bits"));
    QVERIFY(!has(keysOf(parsed("weighted")), "estimator"));
    QVERIFY(has(keysOf(parsed("gptq")), "estimator"));
    QVERIFY(!has(keysOf(parsed("kmeans")), "rounding"));
    QVERIFY(whyNot(parsed("nf4"), "group-size", "32").has_value());
    QVERIFY(whyNot(parsed("weighted"), "estimator", "mse").has_value());
    // "seed" is that of the signs, as in text forms.
    const Variant stochastic = parsed("hadamard/int4/stochastic=5");
    const auto keys = keysOf(stochastic);
    QCOMPARE(std::ranges::count(keys, "seed"), std::ptrdiff_t{1});
    QCOMPARE(weightParameter(stochastic, "seed"), std::string("0"));
}

void TestRecipeEditing::whatCannotWorkIsNotOfferedAndSaysWhy() {
    const Variant hqq = parsed("hqq");
    QVERIFY(!has(keysOf(hqq), "mapping"));
    const auto refused = withWeightParameter(hqq, "mapping", "symmetric");
    QVERIFY(!refused.has_value());
    QVERIFY(describe(refused.error()).find("fractional zero point") != std::string::npos);
    QVERIFY(whyNot(hqq, "granularity", "tensor").has_value());
    QVERIFY(!whyNot(hqq, "granularity", "channel").has_value());
    // Along the outputs only groups are left, so the granularity follows the axis.
    const auto turned = withWeightParameter(parsed("hqq/channel"), "axis", "0");
    QVERIFY(turned.has_value());
    QVERIFY(turned->weights.scheme.granularity == Granularity::Group);
    QVERIFY(!has(keysOf(*turned), "granularity"));

    for (const ParameterInfo& info : weightParameters(parsed("kmeans"))) {
        if (info.key == "granularity")
            QCOMPARE(valuesOf(info), (std::vector<std::string>{"tensor", "channel"}));
        if (info.key == "bits") QCOMPARE(info.maximum, 8.0);
    }
    for (const ParameterInfo& info : weightParameters(parsed("gptq"))) {
        if (info.key == "granularity")
            QCOMPARE(valuesOf(info), (std::vector<std::string>{"tensor", "channel", "group"}));
    }
}

void TestRecipeEditing::valuesAreCheckedAgainstTheirDescription() {
    const auto alpha = withWeightParameter(parsed("smoothquant"), "alpha", "7");
    QVERIFY(!alpha.has_value());
    QVERIFY2(describe(alpha.error()).find("0 .. 1") != std::string::npos, describe(alpha.error()).c_str());
    QVERIFY(!withWeightParameter(parsed("gptq"), "act-order", "maybe").has_value());
    QVERIFY(!withWeightParameter(parsed("gptq"), "block", "x").has_value());
    QVERIFY(!withWeightParameter(parsed("int8"), "no-such-key", "1").has_value());
    QVERIFY(!withWeightParameter(parsed("int4/group=64"), "group-size", "-5").has_value());
    // A default that is chosen again is the bare form again.
    const auto there = withWeightParameter(parsed("gptq"), "act-order", "true").value();
    QVERIFY(there == parsed("gptq/act-order"));
    QVERIFY(withWeightParameter(there, "act-order", "false").value() == parsed("gptq"));
}

void TestRecipeEditing::aRecipeWrittenByHandNamesTheControlThatMendsIt() {
    QVERIFY(!objectionTo(parsed("hqq")));
    const Variant wrong = parsed("hqq/int4/symmetric");
    const auto objection = objectionTo(wrong);
    QVERIFY(objection.has_value());
    QCOMPARE(objection->key, std::string("mapping"));
    QVERIFY(has(keysOf(wrong), "mapping"));
    QVERIFY(!objectionTo(withWeightParameter(wrong, "mapping", "affine").value()));
    // The words are those that quantizing it would give.
    const auto refused = quantizeLayer(m_layer, wrong.weights, {});
    QVERIFY(!refused.has_value());
    QCOMPARE(refused.error().message, objection->error.message);
    Variant unread = parsed("gptq");
    unread.weights.parameters["damp"] = "-1";
    QCOMPARE(objectionTo(unread)->key, std::string("damp"));
    QVERIFY(!weightParameters(unread).empty());
}

void TestRecipeEditing::integerExecutionEndsWhereNoProductTakesTheCodes() {
    const Variant w8a8 = parsed("w8a8/token");
    const auto gptq = withMethod(w8a8, "gptq").value();
    QVERIFY(gptq.weights.execution == Execution::Integer);
    QVERIFY(integerLayout(gptq.weights, gptq.activations).has_value());
    QVERIFY(withMethod(w8a8, "kmeans")->weights.execution == Execution::Fake);
    QVERIFY(withMethod(parsed("w4a16/group=64"), "gptq")->weights.execution == Execution::Integer);
    QVERIFY(withWeightParameter(w8a8, "granularity", "group")->weights.execution == Execution::Fake);
    QVERIFY(withWeightParameter(w8a8, "bits", "4")->weights.execution == Execution::Integer);
    QVERIFY(withActivationParameter(w8a8, "activations", "false")->weights.execution == Execution::Fake);
}

void TestRecipeEditing::activationsOfTheOldMethodGoAndOthersStay() {
    QVERIFY(!withMethod(parsed("smoothquant"), "gptq")->activations);
    QVERIFY(withMethod(parsed("int8"), "llm-int8")->activations->outlierThreshold == 6);
    const auto four = withActivationParameter(parsed("smoothquant"), "bits", "4").value();
    const auto kept = withMethod(four, "gptq").value();
    QVERIFY(kept.activations.has_value());
    QCOMPARE(kept.activations->scheme.bits, 4);
    const auto none = withActivationParameter(parsed("smoothquant"), "activations", "false").value();
    QVERIFY(!withMethod(none, "llm-int8")->activations);
    // Switched on again, they are the method's own.
    QVERIFY(withActivationParameter(none, "activations", "true").value() == parsed("smoothquant"));
}

void TestRecipeEditing::staticRangesDoNotFollowTokens() {
    const auto variant =
        withActivationParameter(parsed("int8 @act=int8/token"), "activation-range", "static");
    QVERIFY(variant.has_value());
    QVERIFY(variant->activations->scheme.granularity == Granularity::Tensor);
    QVERIFY(!withActivationParameter(*variant, "granularity", "token").has_value());
    for (const ParameterInfo& info : activationParameters(*variant)) {
        if (info.key == "granularity")
            QCOMPARE(valuesOf(info), (std::vector<std::string>{"tensor", "input-channel"}));
    }
    QVERIFY(!withActivationParameter(*variant, "outliers", "-1").has_value());
    QVERIFY(!withActivationParameter(*variant, "activation-range", "often").has_value());
    QVERIFY(!withActivationParameter(*variant, "format", "float")->activations);
}

void TestRecipeEditing::floatTakesTheMethodAway() {
    const auto reference = withWeightParameter(parsed("smoothquant/w8a8"), "format", "float");
    QVERIFY(reference.has_value());
    QVERIFY(*reference == parsed("float"));
    QCOMPARE(keysOf(*reference), std::vector<std::string>{"format"});
    QVERIFY(withWeightParameter(*reference, "format", "int").value() == parsed("rtn"));
}

// A misspelt key or value would restrict nothing and never be noticed.
void TestRecipeEditing::everyRuleNamesAParameterAndItsValues() {
    std::set<std::string> known;
    for (const char* text : {"int4/affine/group=64/percentile=1,99/f16-scale/stochastic=1",
                             "int4/manual=-1,1", "int4/moving-average=0.5/block=2x2"})
        for (const ParameterInfo& parameter : schemeParameters(parseScheme(text).value()))
            known.insert(parameter.key);
    for (const Method* method : allMethods()) {
        const MethodInfo& info = method->info();
        for (const std::string& key : info.ignoredOfScheme) QVERIFY2(known.contains(key), key.c_str());
        for (const SchemeRule& rule : info.schemeRules) {
            QVERIFY2(known.contains(rule.key), rule.key.c_str());
            for (const std::string& value : rule.accepted) {
                const auto set = withSchemeParameter(parseScheme("int4/affine").value(), rule.key, value);
                QVERIFY2(set.has_value(), (rule.key + "=" + value).c_str());
                QCOMPARE(schemeParameter(*set, rule.key), value);
            }
            QVERIFY(!rule.refusal.message.empty());
            QVERIFY(!rule.refusal.fix.empty());
        }
        QVERIFY2(brokenRule(info.schemeRules, info.scheme) == nullptr, info.name.c_str());
    }
}

QTEST_APPLESS_MAIN(TestRecipeEditing)
#include "test_recipe_editing.moc"
