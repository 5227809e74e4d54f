// SPDX-License-Identifier: Apache-2.0
#include <QtTest>

#include "app/experiment/experiment_json.h"
#include "app/experiment/matmul_part.h"
#include "app/experiment/model_part.h"
#include "app/experiment/protocol_text.h"
#include "app/experiment/tensor_part.h"
#include "app/results/considerations.h"
#include "methods/registry.h"

using namespace quantscope;

class TestExperiment : public QObject {
    Q_OBJECT
 private slots:
    void defaultsAreFourVariants();
    void jsonRoundTrip_data();
    void jsonRoundTrip();
    void sessionsOfVersionOneOpen();
    void absentPartsStayAbsent();
    void valuesOfLabsCompareAndCopyDeeply();
    void olderFilesHaveNoStatistics();
    void placesAreNoPartOfTheExperiment();
    void badJsonNamesTheField_data();
    void badJsonNamesTheField();
    void manyMembersReadQuickly();
    void commandLinesQuote();
    void protocolsAreSaid();
    void methodsAreConsidered();
};

void TestExperiment::defaultsAreFourVariants() {
    const auto variants = defaultVariants();
    QCOMPARE(variants.size(), size_t{4});
    QVERIFY(variants[0].isFloat());
    QCOMPARE(variants[3].weights.scheme.groupSize, int64_t{64});
    QCOMPARE(variants[3].weights.scheme.bits, 4);
}

void TestExperiment::jsonRoundTrip_data() {
    QTest::addColumn<int>("source");
    QTest::addRow("tensor") << 0;
    QTest::addRow("synthetic") << 1;
    QTest::addRow("activation") << 2;
}

void TestExperiment::jsonRoundTrip() {
    QFETCH(int, source);
    Experiment e;
    MatrixSource& matrix = e.edit<TensorPart>().matrix;
    if (source == 0) matrix = TensorSource{"a folder/model.gguf", "blk.0.ffn_down.weight"};
    if (source == 1) matrix = SyntheticSource{"normal/rows=8/cols=8/seed=3"};
    if (source == 2) matrix = ActivationSource{"m", "t", "blk.1.attn_q", 64};
    e.model = {"model\"quoted\"", "text\nline"};
    e.model.calibrationChunks = 4;  // also while there is no text for it
    e.model.calibrationFile = "saved \"here\".safetensors";
    e.variants = defaultVariants();
    EvaluationProtocol& evaluation = e.edit<ModelPart>().evaluation;
    evaluation.rule = WindowRule::Sliding;
    evaluation.order = EvaluationOrder::LayerMajor;
    evaluation.maxChunks = 3;
    e.edit<MatmulPart>() = {{ActivationSource{"m", "t", "blk.1.attn_q", 64}, TensorSource{"m", "w"}, true},
                            defaultProducts(),
                            true};
    const auto parsed = parseExperiment(experimentJson(e));
    QVERIFY2(parsed.has_value(), parsed ? "" : describe(parsed.error()).c_str());
    QVERIFY(*parsed == e);

    // A session also holds where a person looked.
    LabRequest session(e);
    session.views.edit<TensorView>().heatmapRegion = {1, 2, 3, 4};
    session.views.edit<ModelView>().layer = "blk.1.ffn_down";
    session.views.edit<MatmulView>() = {2, 3, 1, 7, 4};
    const auto opened = parseRequest(experimentJson(session));
    QVERIFY2(opened.has_value(), opened ? "" : describe(opened.error()).c_str());
    QVERIFY(*opened == session);
    QVERIFY(!(*opened == LabRequest(e)));
}

/// As the program wrote it while the labs' parts were members of one struct.
void TestExperiment::sessionsOfVersionOneOpen() {
    const auto opened = parseRequest(R"({"quantscope": 1,
      "matrix": {"path": "m.gguf", "tensor": "w"},
      "model": {"model": "m.gguf", "text": "t.txt", "calibration": "c.txt", "calibrationChunks": 8},
      "variants": ["float", "int4/symmetric/channel"],
      "tensorProtocol": {"bins": 128, "clipPoints": 64, "heatmapVariant": 2, "heatmapRegion": [1, 2, 3, 4]},
      "modelProtocol": {"rule": "sliding", "window": 256, "stride": 64, "chunks": 3, "order": "layer-major",
                        "memory": 1073741824, "layerTokens": 99, "layerVariant": 3, "layer": "blk.1.attn_q"},
      "matmul": {"x": {"model": "m", "text": "t", "layer": "blk.0.attn_q", "tokens": 64},
                 "w": {"path": "m", "tensor": "q"}, "inputsByOutputs": true, "variant": 2, "row": 3,
                 "channel": 1, "step": 7, "relu": true, "measurement": 4, "products": ["float", "int8/channel"]},
      "window": {"lab": "matmul"}})");
    QVERIFY2(opened.has_value(), opened ? "" : describe(opened.error()).c_str());
    const Experiment& e = opened->experiment;
    QVERIFY(e.model == (ModelSource{"m.gguf", "t.txt", "c.txt", 8}));
    QVERIFY(e.part<TensorPart>() == (TensorPart{TensorSource{"m.gguf", "w"}, 128, 64}));
    QVERIFY(opened->views.get<TensorView>() == (TensorView{2, {1, 2, 3, 4}}));
    EvaluationProtocol evaluation;
    evaluation.rule = WindowRule::Sliding;
    evaluation.window = 256;
    evaluation.stride = 64;
    evaluation.maxChunks = 3;
    evaluation.order = EvaluationOrder::LayerMajor;
    evaluation.memoryBudgetBytes = uint64_t{1} << 30;
    QVERIFY(e.part<ModelPart>() == (ModelPart{evaluation, 99}));
    QVERIFY(opened->views.get<ModelView>() == (ModelView{3, "blk.1.attn_q"}));
    const MatmulSource product{ActivationSource{"m", "t", "blk.0.attn_q", 64}, TensorSource{"m", "q"}, true};
    QVERIFY(e.part<MatmulPart>() == (MatmulPart{product, *parseVariants("float; int8/channel"), true}));
    QVERIFY(opened->views.get<MatmulView>() == (MatmulView{2, 3, 1, 7, 4}));
    const auto again = parseRequest(experimentJson(*opened));
    QVERIFY(again.has_value() && *again == *opened);
}

/// What a file does not have is not run; the window puts in what a newcomer finds.
void TestExperiment::absentPartsStayAbsent() {
    auto e = parseExperiment(R"({"quantscope":1,"variants":["float"],"model":{"model":"m","text":"t"},
                                 "modelProtocol":{"chunks":2}})");
    QVERIFY(e.has_value());
    QVERIFY(e->parts.has<ModelPart>());
    QVERIFY(!e->parts.has<TensorPart>() && !e->parts.has<MatmulPart>());
    const std::string written = experimentJson(*e);
    for (const char* key : {"\"matrix\"", "\"matmul\"", "\"tensorProtocol\"", "layerVariant"})
        QVERIFY2(written.find(key) == std::string::npos, key);
    addMissingParts(*e, labs());
    QVERIFY(e->parts.has<TensorPart>());
    QCOMPARE(e->part<MatmulPart>().products.size(), defaultProducts().size());
    QCOMPARE(e->part<ModelPart>().evaluation.maxChunks, 2);
}

void TestExperiment::valuesOfLabsCompareAndCopyDeeply() {
    LabValues values;
    QVERIFY(!values.has<TensorView>());
    QCOMPARE(values.get<TensorView>().heatmapVariant, TensorView{}.heatmapVariant);
    values.edit<TensorView>().heatmapVariant = 4;
    TensorView& kept = values.edit<TensorView>();
    const LabValues copy = values;
    kept.heatmapVariant = 5;
    QCOMPARE(copy.get<TensorView>().heatmapVariant, 4);
    QVERIFY(!(copy == values));
    values.set(TensorView{4, {}});
    QVERIFY(copy == values);
    values.edit<ModelView>();
    QVERIFY(!(copy == values));  // another lab's value, though it is the default
}

/// What was written before the window could use saved statistics still opens, and is still written.
void TestExperiment::olderFilesHaveNoStatistics() {
    const std::string older = R"({"quantscope":1,"variants":["float"],
                                  "model":{"model":"m","text":"t","calibration":"c","calibrationChunks":8}})";
    const auto parsed = parseExperiment(older);
    QVERIFY2(parsed.has_value(), parsed ? "" : describe(parsed.error()).c_str());
    QVERIFY(parsed->model == (ModelSource{"m", "t", "c", 8}));
    const std::string written = experimentJson(*parsed);
    QVERIFY(written.find("calibrationFile") == std::string::npos);
    QVERIFY(written.find("resumeFolder") == std::string::npos);
}

/// How an experiment is run is beside it in the file: it asks for the same results with it and without.
void TestExperiment::placesAreNoPartOfTheExperiment() {
    const std::string older = R"({"quantscope":1,"variants":["float"],
                                  "model":{"model":"m","text":"t","resumeFolder":"kept/layers"}})";
    const auto request = parseRequest(older);
    QVERIFY2(request.has_value(), request ? "" : describe(request.error()).c_str());
    QVERIFY(request->experiment.model == (ModelSource{"m", "t"}));
    QCOMPARE(request->places.resumeFolder, std::string("kept/layers"));
    LabRequest elsewhere = *request;
    elsewhere.places = {"here", "there.gguf"};
    QVERIFY(elsewhere.experiment == request->experiment);
    for (const Lab& lab : labs()) QVERIFY2(lab.sameWork(elsewhere, *request), lab.id.c_str());
    QVERIFY(*parseRequest(experimentJson(elsewhere)) == elsewhere);
    QVERIFY(experimentJson(request->experiment).find("resumeFolder") == std::string::npos);
    for (const char* bad : {R"({"quantscope":1,"variants":["float"],"model":{"resumeFolder":[]}})",
                            R"({"quantscope":1,"variants":["float"],"run":{"resumeFolder":3}})"}) {
        const auto refused = parseRequest(bad);
        QVERIFY(!refused && refused.error().field.ends_with("resumeFolder"));
    }
}

void TestExperiment::badJsonNamesTheField_data() {
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QByteArray>("field");
    QTest::addRow("no json") << QByteArray("{") << QByteArray("");
    QTest::addRow("array") << QByteArray("[]") << QByteArray("");
    QTest::addRow("version") << QByteArray(R"({"quantscope":9,"variants":["float"]})")
                             << QByteArray("quantscope");
    QTest::addRow("no version") << QByteArray(R"({"variants":["float"]})") << QByteArray("quantscope");
    QTest::addRow("no variants") << QByteArray(R"({"quantscope":1})") << QByteArray("variants");
    QTest::addRow("bad variant") << QByteArray(R"({"quantscope":1,"variants":["int99"]})")
                                 << QByteArray("variants[0]");
    QTest::addRow("bad window")
        << QByteArray(R"({"quantscope":1,"variants":["float"],"modelProtocol":{"window":1}})")
        << QByteArray("modelProtocol.window");
    QTest::addRow("bad rule") << QByteArray(
                                     R"({"quantscope":1,"variants":["float"],"modelProtocol":{"rule":"x"}})")
                              << QByteArray("modelProtocol.rule");
    QTest::addRow("text as number") << QByteArray(
                                           R"({"quantscope":1,"variants":["float"],"model":{"model":3}})")
                                    << QByteArray("model.model");
    QTest::addRow("statistics as number")
        << QByteArray(R"({"quantscope":1,"variants":["float"],"model":{"calibrationFile":3}})")
        << QByteArray("model.calibrationFile");
    QTest::addRow("region")
        << QByteArray(R"({"quantscope":1,"variants":["float"],"tensorProtocol":{"heatmapRegion":[1]}})")
        << QByteArray("tensorProtocol.heatmapRegion");
    QTest::addRow("deep") << QByteArray(100'000, '[') << QByteArray("");
    QTest::addRow("a field twice") << QByteArray(
                                          R"({"quantscope":1,"variants":["float"],"variants":["int8"]})")
                                   << QByteArray("");
}

void TestExperiment::badJsonNamesTheField() {
    QFETCH(QByteArray, json);
    QFETCH(QByteArray, field);
    const auto parsed = parseExperiment(json.toStdString());
    QVERIFY(!parsed.has_value());
    QVERIFY2(parsed.error().field.starts_with(field.toStdString()), parsed.error().field.c_str());
    QVERIFY(!parsed.error().message.empty());
}

void TestExperiment::manyMembersReadQuickly() {
    // A search through all earlier members for each of them would take minutes.
    std::string json = R"({"quantscope":1,"variants":["float"])";
    for (int i = 0; i < 200'000; ++i) json += ",\"" + std::to_string(i) + "\":0";
    QVERIFY(parseExperiment(json + "}").has_value());
}

void TestExperiment::commandLinesQuote() {
    Experiment e;
    e.edit<TensorPart>().matrix = TensorSource{"it's here.gguf", "t"};
    e.variants = {defaultVariants()[0], defaultVariants()[1]};
    QVERIFY(tensorCommandLine(e).find(R"('it'\''s here.gguf' --tensor t)") != std::string::npos);
    e.model = {"m.gguf", "a b.txt"};
    QVERIFY(modelCommandLine(e).find("--model m.gguf --text 'a b.txt'") != std::string::npos);
    e.model.calibrationPath = "c.txt";
    QVERIFY(modelCommandLine(e).find("--calibration") == std::string::npos);  // nobody needs it
    e.variants.push_back(*parseVariant("int4 @*.ffn_down=gptq/int4/group=64"));
    QVERIFY(modelCommandLine(e).find("--calibration c.txt --calibration-chunks 16") != std::string::npos);
    QVERIFY(modelCommandLine(e).find("--load-calibration") == std::string::npos);
    QVERIFY(modelCommandLine(e).find("--resume") == std::string::npos);
    e.model.calibrationFile = "s t.safetensors";
    QVERIFY(modelCommandLine(e).find("--load-calibration 's t.safetensors'") != std::string::npos);
    QVERIFY(modelCommandLine(e, {"kept"}).find("--resume kept") != std::string::npos);
}

/// The sentence says what is set, and only that.
void TestExperiment::protocolsAreSaid() {
    EvaluationProtocol protocol;
    protocol.maxChunks = 8;
    QCOMPARE(
        protocolSentence(protocol, "/texts/held-out.txt", 4),
        std::string("Perplexity over 8 windows of 512 tokens of held-out.txt, llama.cpp's rule: the second "
                    "half of each window is scored; differences are paired with A token by token."));
    protocol.rule = WindowRule::GptqPaper;
    protocol.maxChunks = 0;
    protocol.window = 2048;
    QCOMPARE(
        protocolSentence(protocol, "wiki.txt", 1),
        std::string("Perplexity over all of wiki.txt in windows of 2048 tokens, the GPTQ paper's rule: every "
                    "token of a window but its first is scored."));
    protocol.rule = WindowRule::Sliding;
    protocol.maxChunks = 1;
    protocol.stride = 64;
    const std::string sliding = protocolSentence(protocol, {}, 2);
    QVERIFY2(
        sliding.starts_with("Perplexity over the first window of 2048 tokens of the text, sliding by 64"),
        sliding.c_str());
}

void TestExperiment::methodsAreConsidered() {
    const std::vector<Variant> variants{*parseVariant("float"), *parseVariant("gptq/int3/group=64"),
                                        *parseVariant("gptq/int4/group=64"),
                                        *parseVariant("awq/int4/group=64")};
    std::vector<VariantRow> rows(4);
    for (size_t i = 0; i < rows.size(); ++i) {
        rows[i].title = std::to_string(i);
        rows[i].values["linear_bits"] = {3.25 + static_cast<double>(i)};
        if (i == 3) continue;  // the last was not scored
        rows[i].values["delta_nll"] = {i == 1 ? 0.5 : 0.1, 0.01};
        rows[i].values["seconds"] = {2};
    }
    const Considerations table = considerMethods(variants, rows);
    QCOMPARE(table.rows.size(), allMethods().size());
    const auto cell = [&](const std::string& method, const std::string& key) {
        for (size_t r = 0; r < table.rows.size(); ++r)
            for (size_t c = 0; c < table.columns.size(); ++c)
                if (allMethods()[r]->info().name == method && table.columns[c].key == key)
                    return QString::fromStdString(table.rows[r][c].text);
        return QStringLiteral("no such cell");
    };
    for (const auto& row : table.rows) QCOMPARE(row.size(), table.columns.size());
    QCOMPARE(cell("gptq", "calibration"), QStringLiteral("X^T X"));
    QCOMPARE(cell("gptq", "kind"), QStringLiteral("optimized"));
    QCOMPARE(cell("gptq", "integer"), QStringLiteral("yes"));
    QCOMPARE(cell("gptq", "delta_here"), QStringLiteral("+0.1000 ± 0.0100"));  // the better of the two
    QCOMPARE(cell("gptq", "bits_here"), QStringLiteral("5.25"));
    QCOMPARE(cell("awq", "delta_here"), QString());
    QCOMPARE(cell("rtn", "calibration"), QStringLiteral("no"));
    QCOMPARE(cell("rtn", "seconds_here"), QString());
    QCOMPARE(cell("smoothquant", "activations"), QStringLiteral("int8 dynamic"));
    QVERIFY(cell("smoothquant", "when").contains(QStringLiteral("inputs and weights in integers")));
    QVERIFY(cell("hqq", "when").startsWith(QStringLiteral("no text")));
    QVERIFY(cell("awq", "when").startsWith(QStringLiteral("a text")));
}

QTEST_APPLESS_MAIN(TestExperiment)
#include "test_experiment.moc"
