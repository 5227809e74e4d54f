// SPDX-License-Identifier: Apache-2.0
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>

#include "calibration_runs.h"
#include "golden_file.h"
#include "methods/interface/input_order.h"
#include "model/calibration/saved_calibration.h"
#include "model/evaluation/evaluation_session.h"
#include "model/evaluation/layer_error.h"
#include "model/weights/finished_layers.h"
#include "model/weights/layer_quantizer.h"
#include "model/weights/linear_weights.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

std::shared_ptr<CalibrationSource> calibrationOf(const Model& model, uint64_t seed = 5) {
    return std::make_shared<Calibration>(model, kernels(), optionsOf(someText(seed)));
}

VariantPlan planOf(const Model& model, const char* text) {
    return planFor(*parseVariant(text), model);
}

std::span<const LinearInfo> blockLayers(const Model& model) {
    return model.linears().first(model.linears().size() - 1);
}

bool sameValues(const Tensor& a, const Tensor& b) {
    return std::ranges::equal(a.floats(), b.floats());
}

}  // namespace

/// One owner of quantized layers: nothing is quantized twice, and what is measured is what runs.
class TestLayerQuantizer : public QObject {
    Q_OBJECT

 private slots:
    void nothingIsQuantizedTwice_data() {
        QTest::addColumn<QString>("variant");
        for (const char* variant : {"gptq/int3/group=16/inputs=float", "gptq/int3/group=16/inputs=quantized",
                                    "gptq/int3/group=16/inputs=true-sequential", "awq/int3/group=16",
                                    "gptq/int8/channel/integer @act=int8/token", "smoothquant/w8a8",
                                    "kmeans/int3", "gptq/int3/group=16/inputs=quantized @act=int8/token"})
            QTest::newRow(variant) << variant;
    }
    /// Evaluation, layer table and insides of one session share the layers of a variant, in any order.
    void nothingIsQuantizedTwice() {
        QFETCH(QString, variant);
        const auto model = std::make_shared<const TinyModel>();
        auto run = shortWindows();
        run.calibration.text = someText();
        const auto variants = *parseVariants("float; " + variant.toStdString());
        const auto tokens = randomTokens(64);
        const uint64_t layers = blockLayers(*model).size();
        for (const bool tableFirst : {false, true}) {
            EvaluationSession session(model, kernels());
            const auto evaluated = [&] {
                const auto result = session.evaluate(tokens, variants, run, {}, {}, run.calibration);
                return result && !result->variants[1].error;
            };
            const auto measured = [&] {
                return session.layerErrors(tokens, variants[1], 16, run.calibration, {}).has_value();
            };
            QVERIFY(tableFirst ? measured() : evaluated());
            QCOMPARE(session.computations(), layers);
            QVERIFY(tableFirst ? evaluated() : measured());
            for (const LinearInfo& layer : blockLayers(*model))
                QVERIFY(session.quantized(variants[1], layer, run.calibration, {}).has_value());
            QVERIFY(
                session.evaluate(randomTokens(80, 9), variants, run, {}, {}, run.calibration).has_value());
            QCOMPARE(session.computations(), layers);
        }
    }

    void theTableIsOfTheLayersThatRun_data() {
        QTest::addColumn<QString>("variant");
        for (const char* variant :
             {"gptq/int3/group=16/inputs=quantized", "gptq/int3/group=16/inputs=true-sequential",
              "awq/int3/group=16/inputs=quantized", "wanda/inputs=true-sequential", "int4/group=16",
              "float @blk.1.*=int3/channel", "w8a8/token"})
            QTest::newRow(variant) << variant;
    }
    /// The weight error beside an output error is that of the weight that gave the output.
    void theTableIsOfTheLayersThatRun() {
        QFETCH(QString, variant);
        const TinyModel model;
        const Variant parsed = *parseVariant(variant.toStdString());
        const auto calibration = calibrationOf(model);
        const auto table =
            measureLayerErrors(model, randomTokens(48), parsed, 16, kernels(), {}, calibration);
        QVERIFY2(table.has_value(), table ? "" : describe(table.error()).c_str());
        QCOMPARE(table->size(), blockLayers(model).size());
        LayerQuantizer quantizer(model, kernels(), uint64_t{1} << 20);
        quantizer.setCalibration(calibration);
        const VariantPlan plan = planFor(parsed, model);
        const auto plain =
            measureLayerErrors(model, randomTokens(48), *parseVariant("gptq/int3/group=16/inputs=float"), 16,
                               kernels(), {}, calibration);
        double apart = 0;
        for (size_t i = 0; i < table->size(); ++i) {
            const auto layer = quantizer.quantize(plan, model.linears()[i], {});
            QVERIFY2(layer.has_value(), layer ? "" : describe(layer.error()).c_str());
            const Tensor exact = *quantizer.floats(model.linears()[i]);
            const Tensor changed = (*layer)->floats();
            double difference = 0;
            double size = 0;
            for (int64_t k = 0; k < exact.size(); ++k) {
                const double w = exact.floats()[static_cast<size_t>(k)];
                difference += std::pow(w - changed.floats()[static_cast<size_t>(k)], 2);
                size += w * w;
            }
            const double expected = std::sqrt(difference / size);
            QVERIFY2(std::abs((*table)[i].weightError - expected) <= 1e-9 * (1 + expected),
                     model.linears()[i].name.c_str());
            QCOMPARE((*table)[i].bytes, (*layer)->bytes);
            QCOMPARE((*table)[i].bitsPerWeight, (*layer)->bitsPerWeight);
            apart = std::max(apart, std::abs((*table)[i].weightError - (*plain)[i].weightError));
        }
        QVERIFY(apart > 1e-4);  // the float model's inputs would have given another table
    }

    /// Asked for alone, a layer deep in the model is the one that a walk through the blocks makes.
    void aLayerAloneIsTheLayerOfTheWalk() {
        const TinyModel model;
        for (const char* text : {"gptq/int3/group=16/inputs=quantized @act=int8/token",
                                 "gptq/int3/group=16/inputs=true-sequential",
                                 "gptq/int3/group=16/inputs=quantized @act-static=int8/tensor",
                                 "smoothquant/w8a8/inputs=true-sequential"}) {
            const VariantPlan plan = planOf(model, text);
            LayerQuantizer walked(model, kernels(), uint64_t{1} << 20);
            LayerQuantizer alone(model, kernels(), 0);
            for (LayerQuantizer* quantizer : {&walked, &alone}) {
                quantizer->setCalibration(calibrationOf(model));
                quantizer->setRangesText(randomTokens(16));
            }
            WeightStore store(walked, 0);
            for (int64_t block = 0; block < model.config().blocks; ++block)
                QVERIFY(makeBlock(store, plan, block, {}).has_value());
            const uint64_t made = walked.computations();
            QCOMPARE(made, blockLayers(model).size());
            for (const char* name : {"blk.1.ffn_down", "blk.1.attn_k", "blk.0.ffn_up"}) {
                const LinearInfo& layer = *model.findLinear(name);
                const auto a = walked.quantize(plan, layer, {});
                const auto b = alone.quantize(plan, layer, {});
                QVERIFY2(b.has_value(), b ? "" : describe(b.error()).c_str());
                QVERIFY2(sameValues((*a)->floats(), (*b)->floats()), text);
            }
            QCOMPARE(walked.computations(), made);
        }
    }

    /// Whatever the codes depend on makes another key; the execution does not.
    void keysNameWhatLayersDependOn() {
        const TinyModel model;
        const TinyModel other(true);
        const LinearInfo& layer = *model.findLinear("blk.1.attn_k");
        const auto keyOf = [&](const char* variant, uint64_t text, uint64_t ranges,
                               const KernelTable& table = kernels(), const Model* of = nullptr) {
            LayerQuantizer quantizer(of ? *of : model, table, 0);
            quantizer.setCalibration(calibrationOf(model, text));
            quantizer.setRangesText(randomTokens(16, ranges));
            return *quantizer.keyOf(planOf(model, variant), layer);
        };
        const auto floats = keyOf("gptq/int3/group=16/inputs=float", 5, 1);
        QVERIFY(floats == keyOf("gptq/int3/group=16/inputs=float @act=int8/token", 5, 2));
        QVERIFY(floats != keyOf("gptq/int4/group=16/inputs=float", 5, 1));
        QVERIFY(floats != keyOf("gptq/int3/group=16/inputs=float", 6, 1));
        QVERIFY(floats != keyOf("gptq/int3/group=16/inputs=float", 5, 1, kernels(), &other));
        QVERIFY(floats != keyOf("gptq/int3/group=16/inputs=float", 5, 1,
                                **chooseKernels(detectCpuFeatures(), "reference")) ||
                kernels().name == "reference");
        QVERIFY(keyOf("gptq/int8/inputs=float", 5, 1) ==
                keyOf("gptq/int8/inputs=float/integer @act=int8/token", 5, 1));
        const char* ordered = "gptq/int3/group=16/inputs=quantized";
        const auto past = keyOf(ordered, 5, 1);
        QVERIFY(past != floats);
        QVERIFY(past == keyOf(ordered, 5, 2));
        QVERIFY(past != keyOf("gptq/int3/group=16/inputs=quantized @act=int8/token", 5, 1));
        QVERIFY(past != keyOf("gptq/int3/group=16/inputs=quantized @blk.0.ffn_up=int8", 5, 1));
        QVERIFY(past != keyOf("gptq/int3/group=16/inputs=quantized @token_embd=int8", 5, 1));
        QVERIFY(past == keyOf("gptq/int3/group=16/inputs=quantized @blk.1.ffn_up=int8", 5, 1));
        const char* withRanges = "gptq/int3/group=16/inputs=quantized @act-static=int8/tensor";
        QVERIFY(keyOf(withRanges, 5, 1) == keyOf(withRanges, 5, 1));
        QVERIFY(keyOf(withRanges, 5, 1) != keyOf(withRanges, 5, 2));
    }

    /// Least recently used first, the last one always stays.
    void whatIsRememberedIsBounded() {
        RecentlyUsed<int, std::string> kept(10);
        kept.put(1, "one", 4);
        kept.put(2, "two", 4);
        QVERIFY(kept.find(1) != nullptr);
        kept.put(3, "three", 4);
        QVERIFY(kept.find(2) == nullptr);
        QVERIFY(*kept.find(1) == "one" && *kept.find(3) == "three");
        kept.put(3, "again", 1);
        QCOMPARE(kept.bytes(), uint64_t{5});
        kept.put(4, "large", 100);
        QVERIFY(*kept.find(4) == "large" && kept.find(3) == nullptr);
        QCOMPARE(kept.bytes(), uint64_t{100});

        const TinyModel model;
        const VariantPlan plan = planOf(model, "kmeans/int3");
        LayerQuantizer quantizer(model, kernels(), 0);
        QVERIFY(quantizer.quantize(plan, model.linears()[0], {}).has_value());
        QVERIFY(quantizer.quantize(plan, model.linears()[0], {}).has_value());
        QCOMPARE(quantizer.computations(), uint64_t{1});
        QVERIFY(quantizer.quantize(plan, model.linears()[1], {}).has_value());
        QVERIFY(quantizer.quantize(plan, model.linears()[0], {}).has_value());
        QCOMPARE(quantizer.computations(), uint64_t{3});
    }

    /// A layer that was read back has no trace: whoever wants the pictures has it made.
    void picturesOfALayerThatWasReadBack() {
        const TinyModel model;
        const QTemporaryDir folder;
        const VariantPlan plan = planOf(model, "smoothquant/w8a8");
        for (const uint64_t computed : {1, 0}) {
            LayerQuantizer quantizer(model, kernels(), uint64_t{1} << 20);
            quantizer.setCalibration(calibrationOf(model));
            quantizer.setFinished(*FinishedLayers::open(folder.path().toStdString()));
            const auto layer = quantizer.quantize(plan, model.linears()[0], {});
            QVERIFY(layer.has_value());
            QCOMPARE(quantizer.computations(), computed);
            QCOMPARE((*layer)->isReadBack, computed == 0);
            const auto pictured = quantizer.quantize(plan, model.linears()[0], {}, true);
            QVERIFY(pictured.has_value() && (*pictured)->result.trace);
            QVERIFY(sameValues((*pictured)->floats(), (*layer)->floats()));
            QCOMPARE(quantizer.computations(), uint64_t{1});
        }
    }

    /// Only statistics of the float model, no text: a default means those, and the result says so once where
    /// it would have meant something else; an order that was written is refused.
    void aDefaultOrderGivesWay() {
        const TinyModel model;
        const QTemporaryDir folder;
        const std::string file = folder.filePath("statistics.safetensors").toStdString();
        Calibration text(model, kernels(), optionsOf(someText()));
        QVERIFY(saveCalibration(text, model, file, {}).has_value());
        auto run = shortWindows();
        run.calibration.file = file;
        const auto variants = *parseVariants(
            "float; gptq/int3/group=16; gptq/int4/group=16; gptq/int3/group=16/inputs=float; "
            "gptq/int3/group=16/inputs=quantized");
        const auto result =
            evaluate(model, randomTokens(64), variants, run, kernels(), {}, {}, run.calibration);
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        QVERIFY(!result->variants[1].error && !result->variants[2].error);
        QCOMPARE(result->variants[1].meanNll, result->variants[3].meanNll);
        QVERIFY(result->variants[4].error && result->variants[4].error->field == "inputs");
        const bool differs = inputOrder(variants[1].weights) != InputOrder::Float;
        QCOMPARE(result->notes.size(), size_t{differs ? 1U : 0U});
        if (differs) QVERIFY2(result->notes[0].starts_with("gptq: "), result->notes[0].c_str());
        run.calibration.file.clear();
        run.calibration.text = someText();
        const auto withText =
            evaluate(model, randomTokens(64), variants, run, kernels(), {}, {}, run.calibration);
        QVERIFY(withText.has_value() && withText->notes.empty());
        QCOMPARE(withText->variants[1].meanNll, withText->variants[differs ? 4 : 3].meanNll);
        QCOMPARE(withText->variants[3].meanNll, result->variants[3].meanNll);
    }

    void layersOfTodayAreRead_data() {
        QTest::addColumn<QString>("variant");
        QTest::addColumn<int>("kept");
        QTest::newRow("float and ordered inputs") << "float @blk.0.attn_k=gptq/int3/group=64/inputs=float "
                                                     "@blk.1.attn_k=gptq/int3/group=64/inputs=true-sequential"
                                                  << 2;
        QTest::newRow("static ranges")
            << "int4/group=64 @act-static=int8/tensor @blk.1.attn_v=gptq/int3/group=64/inputs=quantized" << 1;
    }
    /// A folder that the program of November 2026 left goes on (its portable kernels; the sample model).
    void layersOfTodayAreRead() {
        QFETCH(QString, variant);
        QFETCH(int, kept);
        const QTemporaryDir folder;
        std::filesystem::copy(sourcePath("tests/golden/model/finished-layers"),
                              folder.filePath("layers").toStdString());
        const auto model = openModel(sourcePath("samples/tiny-llama"));
        QVERIFY(model.has_value());
        const auto encode = [&](const char* text) {
            return *(*(*model)->tokenizer())->encode(readAll(sourcePath(text)));
        };
        EvaluationProtocol protocol;
        protocol.window = 64;
        protocol.maxChunks = 2;
        const CalibrationInput calibration{
            std::make_shared<const std::vector<int32_t>>(encode("samples/text/calibration.txt")), 1};
        const RunPlaces places{folder.filePath("layers").toStdString()};
        const auto result = evaluate(
            **model, encode("samples/text/held-out.txt"), *parseVariants("float; " + variant.toStdString()),
            protocol, **chooseKernels(detectCpuFeatures(), "reference"), {}, {}, calibration, places);
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        QVERIFY(!result->variants[1].error);
        QCOMPARE(result->notes.size(), size_t{1});
        QVERIFY2(result->notes[0].starts_with(std::to_string(kept) + " layer"), result->notes[0].c_str());
    }
};

QTEST_APPLESS_MAIN(TestLayerQuantizer)
#include "test_layer_quantizer.moc"
