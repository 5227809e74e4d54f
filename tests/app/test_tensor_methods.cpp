// SPDX-License-Identifier: Apache-2.0
// Every method in the Tensor lab's pipeline: on a layer of a model, on loose matrices with inputs of their
// own.
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "app/experiment/experiment_json.h"
#include "app/experiment/source_library.h"
#include "app/labs/labs.h"
#include "app/pipelines/tensor_pipeline.h"
#include "methods/registry.h"
#include "model/calibration/calibration_request.h"
#include "model/weights/layer_quantizer.h"
#include "support/paths.h"

using namespace quantscope;

namespace {

using Delivered = std::vector<std::shared_ptr<const TensorResults>>;

struct Fixture {
    const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
    SourceLibrary sources{kernels};
    TensorPipeline pipeline{sources, kernels};
    uint64_t sequence = 0;

    Delivered run(const LabRequest& experiment, std::stop_token stop = {}) {
        Delivered delivered;
        pipeline.run(experiment, ++sequence, std::move(stop),
                     [&](auto results) { delivered.push_back(results); });
        return delivered;
    }
};

Variant variantOf(const std::string& text) {
    return parseVariant(text).value();
}

Experiment loose(const char* spec, const std::vector<std::string>& variants) {
    Experiment e;
    e.edit<TensorPart>().matrix = SyntheticSource{spec};
    for (const std::string& text : variants) e.variants.push_back(variantOf(text));
    return e;
}

constexpr const char* kSmall = "normal/rows=32/cols=256";

}  // namespace

class TestTensorMethods : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void everyMethodTakesALayer_data() {
        QTest::addColumn<QString>("text");
        for (const Method* method : allMethods()) {
            const std::string& name = method->info().name;
            QTest::newRow(name.c_str()) << QString::fromStdString(name == "rtn" ? "int4/group=32" : name);
        }
    }
    void everyMethodTakesALayer() {
        QFETCH(QString, text);
        const auto samples = findSamples(test::sourcePath("build"));
        QVERIFY(samples.has_value());
        Experiment e = sampleExperiment(*samples);
        e.edit<TensorPart>().matrix =
            TensorSource{samples->model.string(), "model.layers.0.self_attn.k_proj.weight"};
        e.model.calibrationChunks = 1;
        e.variants = {variantOf("float"), variantOf(text.toStdString())};
        const auto delivered = m_shared.run(e);
        QVERIFY(!delivered.empty());
        const TensorResults& results = *delivered.back();
        QVERIFY(results.complete && !results.error);
        const TensorVariantResult& variant = results.variants[1];
        QVERIFY2(!variant.error, variant.error ? variant.error->message.c_str() : "");
        QVERIFY(variant.report && !variant.pending);
        QCOMPARE(variant.inverseShare, 1.0);
        QVERIFY(variant.report->metrics.mse > 0);
        QVERIFY(variant.report->metrics.bitsPerWeight > 1);
        QVERIFY(std::isfinite(variant.outputError));
    }

    void missingCalibrationNamesTheControl() {
        const auto samples = findSamples(test::sourcePath("build"));
        Experiment e = sampleExperiment(*samples);
        e.model.calibrationPath.clear();
        e.edit<TensorPart>().matrix =
            TensorSource{samples->model.string(), "model.layers.0.self_attn.k_proj.weight"};
        e.variants = {variantOf("float"), variantOf("awq/int4/group=32")};
        const auto delivered = m_shared.run(e);
        const auto& error = delivered.back()->variants[1].error;
        QVERIFY(error);
        QVERIFY(error->fix.find("calibration text") != std::string::npos);
        QVERIFY(error->fix.find("--") == std::string::npos);
    }

    /// What the lab shows of a layer is what the model's own evaluation makes of it, ordered inputs included.
    void theLayerIsTheModels_data() {
        QTest::addColumn<QString>("text");
        for (const char* text : {"gptq/int4/group=64/inputs=float", "gptq/int3/group=64/inputs=quantized",
                                 "awq/int4/group=64", "kmeans/int3/sensitive"})
            QTest::newRow(text) << text;
    }
    void theLayerIsTheModels() {
        QFETCH(QString, text);
        const auto samples = findSamples(test::sourcePath("build"));
        Experiment e = sampleExperiment(*samples);
        e.model.calibrationChunks = 1;
        e.edit<TensorPart>().matrix =
            TensorSource{samples->model.string(), "model.layers.1.self_attn.k_proj.weight"};
        e.variants = {variantOf("float"), variantOf(text.toStdString())};
        const auto delivered = m_shared.run(e);
        const TensorVariantResult& shown = delivered.back()->variants[1];
        QVERIFY2(shown.report, shown.error ? shown.error->message.c_str() : "");

        const auto model = m_shared.sources.model(e.model.modelPath).value();
        LayerQuantizer quantizer(*model, m_shared.kernels, uint64_t{64} << 20);
        CalibrationInput input;
        input.chunks = 1;
        input.text = m_shared.sources.tokens({e.model.modelPath, e.model.calibrationPath}).value();
        quantizer.setCalibration(
            openCalibration(*model, m_shared.kernels, {input, {}, CalibrationNeed::Hessian}, Job{}).value());
        const LinearInfo* layer = model->findLinear("blk.1.attn_k");
        QVERIFY(layer != nullptr);
        const auto made = quantizer.quantize(planFor(e.variants[1], *model), *layer, Job{});
        QVERIFY(made.has_value());
        const Tensor stored = (*made)->floats();
        const Tensor weight = delivered.back()->matrix;
        double sse = 0;
        for (size_t i = 0; i < stored.floats().size(); ++i) {
            const double error = static_cast<double>(weight.floats()[i] - stored.floats()[i]);
            sse += error * error;
        }
        const double got = shown.report->errors.total.totalSse();
        QVERIFY2(std::abs(got - sse) <= 1e-9 * sse, qPrintable(QString::number(got / sse, 'g', 12)));
    }

    void looseMatricesNeedInputs() {
        Fixture f;
        Experiment e = loose(kSmall, {"float", "gptq/int4/group=64", "nf4", "int4"});
        const TensorResults without = *f.run(e).back();
        QVERIFY(without.complete);
        QVERIFY(without.variants[1].error);
        QCOMPARE(without.variants[1].error->field, std::string("tensor inputs"));
        QVERIFY(without.variants[1].error->fix.find("Choose inputs") != std::string::npos);
        QVERIFY(without.variants[1].error->fix.find("--") == std::string::npos);
        QVERIFY(without.variants[2].report && without.variants[3].report);
        e.edit<TensorPart>().inputs = SyntheticSource{"outliers/rows=300"};
        const TensorResults with = *f.run(e).back();
        QVERIFY(!with.variants[1].error && with.variants[1].report);
        QVERIFY(with.activations && with.activations->absMax.size() == 256);
        for (size_t i = 1; i < with.variants.size(); ++i) QVERIFY(with.variants[i].outputError > 0);
        // Fitted to these inputs, not to the weights.
        QVERIFY(with.variants[1].outputError < with.variants[3].outputError);
    }

    void inputsFromAFile() {
        QTemporaryDir folder;
        QFile file(folder.filePath("x.csv"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        for (int t = 0; t < 40; ++t) {
            QByteArray line;
            for (int c = 0; c < 256; ++c)
                line += (c > 0 ? "," : "") + QByteArray::number(std::sin(0.37 * t * (c + 1)), 'g', 7);
            file.write(line + "\n");
        }
        file.close();
        Fixture f;
        Experiment e = loose(kSmall, {"float", "awq/int4/group=64"});
        e.edit<TensorPart>().inputs = TensorSource{folder.filePath("x.csv").toStdString(), {}};
        const TensorResults results = *f.run(e).back();
        QVERIFY2(!results.variants[1].error,
                 results.variants[1].error ? results.variants[1].error->message.c_str() : "");
        QVERIFY(results.variants[1].report);
        // Of another width: the variant says so, the reference stands.
        e.edit<TensorPart>().matrix = SyntheticSource{"normal/rows=32/cols=128"};
        const TensorResults narrow = *f.run(e).back();
        QVERIFY(narrow.variants[1].error && narrow.variants[0].report);
    }

    void slowMethodsWaitForTheOthers() {
        Fixture f;
        const Experiment e = loose("normal/rows=512/cols=256", {"float", "kmeans/int4", "int8"});
        const Delivered delivered = f.run(e);
        QVERIFY(delivered.size() >= 3);
        const TensorResults& first = *delivered.front();
        QVERIFY(!first.complete);
        QVERIFY(first.variants[1].pending && !first.variants[1].report);
        QVERIFY(first.variants[2].report && !first.variants[2].pending);
        const TensorResults& rows = *delivered[1];
        QVERIFY(rows.variants[1].pending && rows.variants[1].report);
        QCOMPARE(rows.variants[1].inverseShare, 8.0);
        const auto near = [](uint64_t a, uint64_t b) { return a <= b + 128 && b <= a + 128; };
        QVERIFY(near(rows.variants[1].report->dequantized.total(), rows.floatHistogram->total()));
        const TensorResults& last = *delivered.back();
        QVERIFY(last.complete && !last.variants[1].pending);
        QCOMPARE(last.variants[1].inverseShare, 1.0);
        QCOMPARE(last.variants[1].report->errors.total.count, int64_t{512 * 256});
        const double a = rows.variants[1].report->metrics.mse;
        const double b = last.variants[1].report->metrics.mse;
        QVERIFY(std::abs(a - b) < 0.1 * b);
        // Known by then: one delivery, and no method runs again for another axis.
        const uint64_t runs = f.pipeline.methodRuns();
        QCOMPARE(f.run(e).size(), size_t{1});
        Experiment bins = e;
        bins.edit<TensorPart>().histogramBins = 64;
        QVERIFY(f.run(bins).back()->complete);
        QCOMPARE(f.pipeline.methodRuns(), runs);
        Experiment three = e;
        three.variants[1] = variantOf("kmeans/int3");
        QVERIFY(f.run(three).back()->complete);
        QCOMPARE(f.pipeline.methodRuns(), runs + 2);
    }

    void aStopLeavesWhatWasShown() {
        Fixture f;
        std::stop_source stop;
        Delivered delivered;
        f.pipeline.run(loose("normal/rows=2048/cols=512", {"float", "kmeans/int4"}), 1, stop.get_token(),
                       [&](auto results) {
                           delivered.push_back(results);
                           stop.request_stop();
                       });
        QVERIFY(!delivered.empty());
        QVERIFY(!delivered.back()->complete);
        QVERIFY(delivered.front()->variants[0].report);
    }

    void inputsAreStoredInTheExperiment() {
        Experiment e = loose(kSmall, {"float", "int8"});
        const auto same = [](const Experiment& experiment) {
            const auto parsed = parseExperiment(experimentJson(experiment));
            return parsed && parsed->part<TensorPart>() == experiment.part<TensorPart>();
        };
        QVERIFY(same(e));
        QVERIFY(experimentJson(e).find("matrixInputs") == std::string::npos);
        for (const MatrixSource& inputs :
             {MatrixSource(SyntheticSource{"outliers/rows=512"}), MatrixSource(TensorSource{"x.npy", ""}),
              MatrixSource(ActivationSource{"model", "text", "blk.0.ffn_down", 128})}) {
            e.edit<TensorPart>().inputs = inputs;
            QVERIFY(same(e));
        }
    }

 private:
    Fixture m_shared;  ///< the calibration is read once
};

QTEST_APPLESS_MAIN(TestTensorMethods)
#include "test_tensor_methods.moc"
