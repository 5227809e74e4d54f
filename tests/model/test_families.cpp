// SPDX-License-Identifier: Apache-2.0
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <filesystem>

#include "golden_file.h"
#include "methods/interface/variant_text.h"
#include "model/calibration/calibration.h"
#include "model/calibration/saved_calibration.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/layer_error.h"
#include "model/forward/context_runner.h"
#include "model/forward/forward.h"
#include "model/weights/fingerprint.h"
#include "patched_model.h"
#include "tiny_model.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

std::string familyPath(const QString& name) {
    return sourcePath("tests/golden/model/families/" + name.toStdString());
}

std::vector<int32_t> heldOut(const Model& model, size_t count) {
    const auto tokenizer = model.tokenizer();
    if (!tokenizer) return {};
    auto tokens = (*tokenizer)->encode(readAll(sourcePath("samples/text/held-out.txt")));
    if (!tokens) return {};
    tokens->resize(std::min(tokens->size(), count));
    return *tokens;
}

/// The record `key` among those that follow "model NAME".
const GoldenRecord* recordOf(const std::vector<GoldenRecord>& records, const std::string& name,
                             const std::string& key) {
    bool inside = false;
    for (const GoldenRecord& record : records) {
        if (record.key == "model") inside = record.values.at(0) == name;
        if (inside && record.key == key) return &record;
    }
    return nullptr;
}

void addFamilies() {
    QTest::addColumn<QString>("file");
    for (const char* name : {"qwen2", "qwen3", "llama_bias"}) {
        QTest::addRow("%s, Hugging Face", name) << QString(name);
        QTest::addRow("%s, GGUF", name) << QString(name) + ".gguf";
    }
}

}  // namespace

/// Families beside Llama: tiny random models of each, against transformers and against themselves.
class TestFamilies : public QObject {
    Q_OBJECT

 private slots:
    void descriptionsAreComplete() {
        for (const Architecture& family : allArchitectures()) {
            QVERIFY(!family.classes.empty() && !family.modelTypes.empty() && !family.ggufNames.empty());
            int point = 0;
            for (const LayerDescription& layer : family.layers) {
                QVERIFY2(layer.inputPoint == point || layer.inputPoint == point + 1, layer.name.c_str());
                point = layer.inputPoint;
            }
            QCOMPARE(static_cast<size_t>(point) + 1, family.inputPoints.size());
            for (const InputPointInfo& input : family.inputPoints)
                QVERIFY(input.source != PointSource::Norm ||
                        std::ranges::find(family.norms, input.norm, &NormDescription::name) !=
                            family.norms.end());
            for (const auto* names : {&family.classes, &family.modelTypes, &family.ggufNames})
                for (const std::string& name : *names) QCOMPARE(findArchitecture(name), &family);
        }
        QVERIFY(findArchitecture("gpt2") == nullptr);
    }

    void scoresEqualTransformers_data() { addFamilies(); }
    void scoresEqualTransformers() {
        QFETCH(const QString, file);
        const auto records = readGolden("families.txt");
        const std::string name = file.section('.', 0, 0).toStdString();
        const GoldenRecord* expected = recordOf(records, name, "mean_nll");
        const GoldenRecord* text = recordOf(records, name, "text_tokens");
        QVERIFY2(expected && text, "the committed golden file");
        const auto model = openModel(familyPath(file));
        QVERIFY2(model, model ? "" : describe(model.error()).c_str());
        const auto tokens = heldOut(**model, static_cast<size_t>(text->number(0)));
        const auto result = evaluate(**model, tokens, *parseVariants("float"), {}, bestKernels(), {});
        QVERIFY2(result, result ? "" : describe(result.error()).c_str());
        const double difference = result->variants[0].meanNll - expected->number(0);
        QVERIFY2(std::abs(difference) <= 1e-6, qPrintable(QString::number(difference)));
    }

    void agreesWithPlainForm_data() {
        QTest::addColumn<QString>("kernels");
        QTest::addColumn<QString>("family");
        for (const KernelTable* table : kernelTables()) {
            if (!chooseKernels(detectCpuFeatures(), table->name)) continue;
            const QByteArray name(table->name.data(), static_cast<qsizetype>(table->name.size()));
            for (const char* family : {"llama", "qwen2", "qwen3"})
                QTest::addRow("%s, %s", name.constData(), family) << QString(name) << QString(family);
        }
    }
    void agreesWithPlainForm() {
        QFETCH(const QString, kernels);
        QFETCH(const QString, family);
        const TinyModel model(false, RotaryLayout::Halves, family.toStdString(), true);
        const auto ids = randomTokens(19);
        const auto logits =
            ForwardPass(model, **chooseKernels(detectCpuFeatures(), kernels.toStdString())).logits(ids);
        QVERIFY2(logits, logits ? "" : describe(logits.error()).c_str());
        const Rows expected = PlainForward(model).logits(ids);
        double largest = 0;
        for (size_t t = 0; t < expected.size(); ++t)
            for (size_t i = 0; i < expected[t].size(); ++i) {
                const double got = logits->matrix().at(static_cast<int64_t>(t), static_cast<int64_t>(i));
                largest = std::max(largest, std::abs(got - expected[t][i]));
            }
        QVERIFY2(largest <= 2e-4, qPrintable(QString::number(largest)));
    }

    /// Integer products add the bias in float, too: eight bits stay close to the float model, and what a tap
    /// sees leave a layer holds its bias.
    void variantsRun_data() { addFamilies(); }
    void variantsRun() {
        QFETCH(const QString, file);
        const auto model = openModel(familyPath(file));
        QVERIFY2(model, model ? "" : describe(model.error()).c_str());
        const auto tokens = heldOut(**model, 1024);
        CalibrationInput calibration;
        calibration.text = std::make_shared<const std::vector<int32_t>>(tokens);
        calibration.chunks = 1;
        const auto variants = parseVariants(
            "float; w8a8/token; w8a8/token/fake; int4/affine/group=32; gptq/int4/group=32; "
            "awq/int4/group=32; "
            "smoothquant; gptq/int4/group=32/inputs=quantized");
        QVERIFY2(variants, variants ? "" : describe(variants.error()).c_str());
        const auto result = evaluate(**model, tokens, *variants, {}, bestKernels(), {}, {}, calibration);
        QVERIFY2(result, result ? "" : describe(result.error()).c_str());
        const auto kl = [&](size_t i) { return result->variants[i].klMean; };
        for (const VariantScore& score : result->variants)
            QVERIFY2(!score.error, score.error ? describe(*score.error).c_str() : "");
        for (size_t i = 1; i < result->variants.size(); ++i) QVERIFY(std::isfinite(kl(i)) && kl(i) > 0);
        QVERIFY2(kl(1) < 0.05, qPrintable(QString::number(kl(1))));
        QVERIFY(std::abs(kl(1) - kl(2)) < 0.01);
        QVERIFY(kl(4) < kl(3));
    }

    void layerErrorsCoverEveryLayer() {
        for (const char* name : {"qwen2", "qwen3", "llama_bias"}) {
            const auto model = openModel(familyPath(name));
            QVERIFY(model);
            const auto tokens = heldOut(**model, 128);
            const auto variant = parseVariant("w8a8/token");
            const auto errors = measureLayerErrors(**model, tokens, *variant, 128, bestKernels(), {});
            QVERIFY2(errors, errors ? "" : describe(errors.error()).c_str());
            QCOMPARE(errors->size(), (*model)->linears().size() - 1);
            for (const LayerError& error : *errors) QVERIFY2(error.localError < 0.05, error.layer.c_str());
        }
    }

    /// What the tap sees leave a layer is W x + b, whether or not the run has a tap elsewhere.
    void tappedOutputsHoldTheBias() {
        const TinyModel model(false, RotaryLayout::Halves, "llama", true);
        double largest = 0;
        std::vector<float> input;
        const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
            if (point == TapPoint::Input) input.assign(values.data, values.data + values.size());
            if (point == TapPoint::Input || layer.block < 0) return;
            const Tensor weight = *model.linearWeight(layer.name);
            const Tensor bias = *model.bias(layer);
            for (int64_t o = 0; o < layer.outFeatures; ++o) {
                double sum = bias.floats()[static_cast<size_t>(o)];
                for (int64_t i = 0; i < layer.inFeatures; ++i)
                    sum += weight.matrix().at(o, i) * input[static_cast<size_t>(i)];
                largest = std::max(largest, std::abs(sum - values.at(0, o)));
            }
        };
        const auto ids = randomTokens(7);
        const auto tapped = ForwardPass(model, bestKernels()).logits(ids, {}, tap);
        const auto plain = ForwardPass(model, bestKernels()).logits(ids);
        QVERIFY(tapped && plain);
        QVERIFY2(largest < 1e-4, qPrintable(QString::number(largest)));
        QVERIFY(std::ranges::equal(tapped->floats(), plain->floats()));
    }

    /// One token after the other with kept keys and values: the logits of the whole window at once.
    void decodingEqualsTheWindow_data() { addFamilies(); }
    void decodingEqualsTheWindow() {
        QFETCH(const QString, file);
        const auto model = openModel(familyPath(file));
        QVERIFY(model);
        const auto tokens = heldOut(**model, 24);
        const auto whole = ForwardPass(**model, bestKernels()).logits(tokens);
        QVERIFY2(whole, whole ? "" : describe(whole.error()).c_str());
        auto runner = ContextRunner::open(*model, *parseVariant("float"), 24, tokens, bestKernels());
        QVERIFY2(runner, runner ? "" : describe(runner.error()).c_str());
        for (size_t i = 0; i < tokens.size(); ++i) {
            QVERIFY(runner->read({&tokens[i], 1}));
            const auto logits = runner->logits();
            QVERIFY(logits);
            for (size_t v = 0; v < logits->size(); ++v) {
                const float expected = whole->matrix().at(static_cast<int64_t>(i), static_cast<int64_t>(v));
                QVERIFY(std::abs((*logits)[v] - expected) < 1e-3F);
            }
        }
    }

    /// A bias is a part of what a calibration belongs to.
    void savedCalibrationsAreOfTheBiasesToo() {
        const TinyModel model(false, RotaryLayout::Halves, "qwen2");
        TinyModel other(false, RotaryLayout::Halves, "qwen2");
        const Tensor bias = *other.weight("blk.1.attn_k.bias");
        std::vector<float> values(bias.floats().begin(), bias.floats().end());
        values[3] += 1;
        other.replace("blk.1.attn_k.bias", Tensor::fromFloats(bias.shape(), values));
        QVERIFY(*modelFingerprint(model) != *modelFingerprint(other));
        CalibrationOptions options;
        options.tokens = randomTokens(64);
        Calibration calibration(model, bestKernels(), options);
        const QTemporaryDir folder;
        const std::string path = folder.filePath("saved.safetensors").toStdString();
        QVERIFY(saveCalibration(calibration, model, path, {}));
        const auto saved = openCheckpoint(path);
        QVERIFY(saved);
        QVERIFY(!SavedCalibration::open(*saved, other));
        const auto opened = SavedCalibration::open(*saved, model);
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        for (const LinearInfo& layer : model.linears().first(model.linears().size() - 1)) {
            const auto a = calibration.statistics(layer, {});
            const auto b = (*opened)->statistics(layer, {});
            QVERIFY(a && b);
            QVERIFY((*a)->meanSquare == (*b)->meanSquare);
        }
    }

    /// A bias in the file that the configuration does not ask for would be left out without a word.
    void biasesThatNobodyAskedForAreRefused() {
        const QTemporaryDir folder;
        const std::filesystem::path from = familyPath("llama_bias");
        const std::filesystem::path to = folder.path().toStdString();
        std::filesystem::copy_file(from / "model.safetensors", to / "model.safetensors");
        std::string config = readAll((from / "config.json").string());
        const std::string asked = "\"mlp_bias\": true";
        QVERIFY(config.find(asked) != std::string::npos);
        config.replace(config.find(asked), asked.size(), "\"mlp_bias\": false");
        QFile file(folder.filePath("config.json"));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(config.c_str()) > 0);
        file.close();
        const auto model = openModel(to);
        QVERIFY(!model);
        QCOMPARE(model.error().kind, ErrorKind::Unsupported);
        QVERIFY2(model.error().field.ends_with("_proj.bias"), model.error().field.c_str());
    }

    void ggufMetadataOfOtherFamilies() {
        for (const char* name : {"qwen2", "qwen3"}) {
            const auto folder = openModel(familyPath(name));
            const auto gguf = openModel(familyPath(QString(name) + ".gguf"));
            QVERIFY(folder && gguf);
            ModelConfig a = (*folder)->config();
            const ModelConfig& b = (*gguf)->config();
            QCOMPARE(b.architecture, std::string(name));
            QVERIFY(&(*folder)->architecture() == &(*gguf)->architecture());
            a.architecture = b.architecture;
            a.name = b.name;
            QVERIFY(a == b);
            QCOMPARE((*folder)->linears().size(), (*gguf)->linears().size());
        }
    }

    void windowsThatQwenSwitchesOn_data() {
        QTest::addColumn<QString>("change");
        QTest::addColumn<int>("window");
        QTest::newRow("not switched on") << R"("sliding_window":64)" << 0;
        QTest::newRow("no block is late enough")
            << R"("sliding_window":64,"use_sliding_window":true,"max_window_layers":2)" << 0;
        QTest::newRow("the second block")
            << R"("sliding_window":64,"use_sliding_window":true,"max_window_layers":1)" << 64;
        QTest::newRow("longer than the context")
            << R"("sliding_window":4096,"use_sliding_window":true,"max_window_layers":0)" << 0;
    }
    void windowsThatQwenSwitchesOn() {
        QFETCH(const QString, change);
        QFETCH(const int, window);
        const QString json =
            R"({"architectures":["Qwen2ForCausalLM"],"hidden_size":64,"intermediate_size":128,)"
            R"("num_hidden_layers":2,"num_attention_heads":4,"vocab_size":100,"max_position_embeddings":2048,)" +
            change + "}";
        const auto config = configFromHuggingFace(json.toStdString());
        QVERIFY2(config, config ? "" : describe(config.error()).c_str());
        QCOMPARE(config->slidingWindow, int64_t{window});
    }
};

QTEST_APPLESS_MAIN(TestFamilies)
#include "test_families.moc"
