// SPDX-License-Identifier: Apache-2.0
// The model pipeline on the sample model: estimates stream in, the layer table follows, errors keep what is
// there.
#include <QtTest>
#include <filesystem>

#include "app/pipelines/model_pipeline.h"
#include "base/atomic_file.h"
#include "support/other_kernels.h"
#include "support/paths.h"

using namespace quantscope;

namespace {

using Delivered = std::vector<std::shared_ptr<const ModelResults>>;

}  // namespace

class TestModelPipeline : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase();
    void estimatesStreamIn();
    void resultsFollowTheVariants();
    void stoppedRunStillShowsAnEstimate();
    void methodsShowTheirInsides_data();
    void methodsShowTheirInsides();
    void whatIsKnownIsFound();
    void insidesBelongToTheirWindow();
    void everyKernelTableHasItsOwn();
    void calibrationWrittenAgainIsAnother();
    void missingCalibrationFailsItsVariants();
    void missingTextIsAnError();
    void shortTextSaysWhatIsNeeded();

 private:
    Delivered run(const Experiment& experiment, const ModelView& view = {2, {}}, std::stop_token stop = {}) {
        LabRequest request(experiment);
        request.views.set(view);
        return run(request, std::move(stop));
    }
    Delivered run(const LabRequest& request, std::stop_token stop = {}) {
        Delivered delivered;
        m_pipeline.run(request, ++m_sequence, std::move(stop),
                       [&](auto results) { delivered.push_back(results); });
        return delivered;
    }
    std::unique_ptr<KernelSet> m_kernels = *KernelSet::open(detectCpuFeatures());
    SourceLibrary m_sources{*m_kernels};
    ModelPipeline m_pipeline{m_sources, *m_kernels};
    uint64_t m_sequence = 0;
    Experiment m_experiment;
};

void TestModelPipeline::initTestCase() {
    const auto samples = findSamples(test::sourcePath());
    QVERIFY2(samples.has_value(), samples ? "" : describe(samples.error()).c_str());
    QVERIFY(!samples->workedExamples.empty());
    m_experiment = sampleExperiment(*samples);
    m_experiment.edit<ModelPart>().evaluation.maxChunks = 3;
    m_experiment.edit<ModelPart>().layerTokens = 128;
}

void TestModelPipeline::estimatesStreamIn() {
    const Delivered delivered = run(m_experiment);
    QVERIFY(delivered.size() >= 4);
    int lastChunks = 0;
    double lastFraction = 0;
    for (const auto& r : delivered) {
        QVERIFY(r->evaluation.chunksDone >= lastChunks);
        QVERIFY(r->fraction + 1e-9 >= lastFraction);
        lastChunks = r->evaluation.chunksDone;
        lastFraction = r->fraction;
    }
    const ModelResults& last = *delivered.back();
    QVERIFY2(!last.error, last.error ? describe(*last.error).c_str() : "");
    QVERIFY(last.complete);
    QCOMPARE(last.evaluation.chunksDone, 3);
    QCOMPARE(last.evaluation.variants.size(), size_t{4});
    QCOMPARE(last.evaluation.variants[0].tokens, int64_t{3 * 255});
    QCOMPARE(last.evaluation.variants[0].deltaNll, 0.0);
    QVERIFY(last.evaluation.variants[2].perplexity > last.evaluation.variants[1].perplexity);
    QVERIFY(last.evaluation.variants[1].klMean < last.evaluation.variants[3].klMean);
    QCOMPARE(last.sizes.size(), size_t{4});
    QVERIFY(last.sizes[3].bytes < last.sizes[0].bytes);
    QVERIFY(!last.tokenTexts.empty());
    QVERIFY(last.layers != nullptr);
    QCOMPARE(last.layers->size(), size_t{6 * 7});
    QVERIFY(last.layers->front().localError > 0);
    QVERIFY(last.outliers != nullptr);
    QVERIFY(last.activationMap != nullptr);
    QCOMPARE(last.activationMap->region.rowEnd, int64_t{128});
}

void TestModelPipeline::resultsFollowTheVariants() {
    Experiment changed = m_experiment;
    changed.variants[3] = *parseVariant("int2/affine/group=64");
    const auto before = run(m_experiment).back();
    const auto after = run(changed).back();
    QCOMPARE(after->evaluation.variants[0].perplexity, before->evaluation.variants[0].perplexity);
    QCOMPARE(after->evaluation.variants[2].perplexity, before->evaluation.variants[2].perplexity);
    QVERIFY(after->evaluation.variants[3].perplexity > before->evaluation.variants[3].perplexity);
}

void TestModelPipeline::stoppedRunStillShowsAnEstimate() {
    std::stop_source stopped;
    stopped.request_stop();
    Experiment changed = m_experiment;
    changed.variants[3] = *parseVariant("int3/affine/group=32");
    const Delivered delivered = run(changed, {2, {}}, stopped.get_token());
    QVERIFY(!delivered.empty());
    QVERIFY(delivered.back()->evaluation.chunksDone >= 1);
    QVERIFY(!delivered.back()->complete);
}

void TestModelPipeline::methodsShowTheirInsides_data() {
    QTest::addColumn<QString>("variant");
    QTest::addColumn<bool>("hasMaxima");
    QTest::addColumn<bool>("hasLoss");
    QTest::newRow("smoothquant") << "smoothquant/w8a8/alpha=0.5" << true << false;
    QTest::newRow("smoothquant searched") << "smoothquant/w8a8/search" << true << true;
    QTest::newRow("awq") << "awq/int3/group=64" << false << true;
    QTest::newRow("gptq") << "gptq/int3/group=64" << false << false;
}

/// Calibrated methods run, their layer table is their own and not that of rounding to nearest.
void TestModelPipeline::methodsShowTheirInsides() {
    QFETCH(QString, variant);
    QFETCH(bool, hasMaxima);
    QFETCH(bool, hasLoss);
    Experiment calibrated = m_experiment;
    calibrated.model.calibrationChunks = 1;
    const auto method = parseVariant(variant.toStdString());
    QVERIFY2(method.has_value(), method ? "" : describe(method.error()).c_str());
    calibrated.variants = {*parseVariant("float"), *method};
    calibrated.variants.push_back(*parseVariant(schemeText(method->weights.scheme)));
    calibrated.edit<ModelPart>().evaluation.maxChunks = 2;
    const auto last = run(calibrated, {1, "blk.1.ffn_down"}).back();
    QVERIFY2(!last->error, last->error ? describe(*last->error).c_str() : "");
    QVERIFY2(!last->layersError, last->layersError ? describe(*last->layersError).c_str() : "");
    QCOMPARE(last->insides != nullptr, hasMaxima || hasLoss);
    if (last->insides) {
        QCOMPARE(last->insides->inputs.has_value(), hasMaxima);
        QCOMPARE(last->insides->weights.has_value(), hasMaxima);
        QCOMPARE(last->insides->loss.has_value(), hasLoss);
    }
    if (hasMaxima) {
        QCOMPARE(last->insides->inputs->beforeValues.size(), size_t{512});
        QVERIFY(last->insides->inputs->spreadAfter < last->insides->inputs->spreadBefore);
    }
    if (hasLoss) QVERIFY(last->insides->loss->gain >= 0);
    QVERIFY(last->layers);
    const auto plain = run(calibrated, {2, "blk.1.ffn_down"}).back();
    QVERIFY(!plain->insides);
    const auto find = [](const ModelResults& results) {
        for (const LayerRow& row : *results.layers)
            if (row.name == "blk.1.ffn_down") return row;
        return LayerRow{};
    };
    const LayerRow own = find(*last);
    const LayerRow nearest = find(*plain);
    QVERIFY(own.weight.mse > 0);
    QVERIFY(own.weight.mse != nearest.weight.mse);
    QVERIFY(own.bytes > 0);
    QCOMPARE(own.weightAbsMax, nearest.weightAbsMax);
}

/// Layer table, captured inputs and insides: computed once, whatever a variant is called.
void TestModelPipeline::whatIsKnownIsFound() {
    LabRequest small(m_experiment);
    small.experiment.edit<ModelPart>().evaluation.maxChunks = 1;
    small.experiment.edit<ModelPart>().layerTokens = 32;
    run(small);
    const uint64_t before = m_pipeline.computations();
    for (Variant& variant : small.experiment.variants) variant.name += "'";
    small.experiment.edit<ModelPart>().evaluation.maxChunks = 2;
    const auto again = run(small).back();
    QVERIFY(again->complete && again->layers && again->outliers);
    QCOMPARE(m_pipeline.computations(), before);
    small.views.edit<ModelView>().layerVariant = 3;
    run(small);
    QCOMPARE(m_pipeline.computations(), before + 1);  // the table; what was captured is the same
}

/// Static activations have their ranges from the evaluation's first window: another window is another
/// quantization. How many windows there are is not.
void TestModelPipeline::insidesBelongToTheirWindow() {
    LabRequest small(m_experiment);
    small.experiment.model.calibrationChunks = 1;
    small.experiment.variants = {*parseVariant("float"), *parseVariant("smoothquant/w8a8/alpha=0.5")};
    auto& part = small.experiment.edit<ModelPart>();
    part.evaluation.maxChunks = 1;
    part.evaluation.window = 64;
    part.layerTokens = 16;
    small.views.edit<ModelView>().layerVariant = 1;
    QVERIFY(run(small).back()->insides != nullptr);
    const uint64_t before = m_pipeline.computations();
    small.experiment.edit<ModelPart>().evaluation.maxChunks = 2;
    QVERIFY(run(small).back()->insides != nullptr);
    QCOMPARE(m_pipeline.computations(), before);
    small.experiment.edit<ModelPart>().evaluation.window = 32;
    QVERIFY(run(small).back()->insides != nullptr);
    QCOMPARE(m_pipeline.computations(), before + 1);
}

void TestModelPipeline::everyKernelTableHasItsOwn() {
    const std::string other = test::anotherTable(*m_kernels);
    if (other.empty()) QSKIP("this machine runs one kernel table");
    LabRequest small(m_experiment);
    small.experiment.edit<ModelPart>().evaluation.maxChunks = 1;
    // The other table may be the plain reference, which takes minutes for whole windows.
    small.experiment.edit<ModelPart>().evaluation.window = 32;
    small.experiment.variants.resize(2);
    small.views.edit<ModelView>().layerVariant = 1;
    small.experiment.edit<ModelPart>().layerTokens = 16;
    run(small);
    const uint64_t before = m_pipeline.computations();
    const std::string best(m_kernels->active().name);
    QVERIFY(m_kernels->choose(other).has_value());
    run(small);
    QCOMPARE(m_pipeline.computations(), before + 2);
    QVERIFY(m_kernels->choose(best).has_value());
    run(small);
    QCOMPARE(m_pipeline.computations(), before + 2);
}

void TestModelPipeline::calibrationWrittenAgainIsAnother() {
    QTemporaryDir folder;
    const std::string file = folder.filePath("statistics.safetensors").toStdString();
    LabRequest calibrated(m_experiment);
    calibrated.experiment.model.calibrationChunks = 1;
    calibrated.experiment.variants = {*parseVariant("float"), *parseVariant("wanda")};
    calibrated.experiment.edit<ModelPart>().evaluation.maxChunks = 1;
    calibrated.experiment.edit<ModelPart>().layerTokens = 16;
    calibrated.views.edit<ModelView>().layerVariant = 1;
    calibrated.places.calibrationTarget = file;
    QVERIFY(!run(calibrated).back()->error);
    calibrated.places = {};
    QVERIFY(std::filesystem::exists(file));
    calibrated.experiment.model.calibrationPath.clear();
    calibrated.experiment.model.calibrationFile = file;
    QVERIFY(!run(calibrated).back()->error);
    const uint64_t before = m_pipeline.computations();
    run(calibrated);
    QCOMPARE(m_pipeline.computations(), before);
    std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) + std::chrono::seconds(5));
    run(calibrated);
    QCOMPARE(m_pipeline.computations(), before + 1);
}

/// The others are scored; the layer table of one that failed says the same.
void TestModelPipeline::missingCalibrationFailsItsVariants() {
    LabRequest broken(m_experiment);
    broken.experiment.model.calibrationPath = "no-such-calibration.txt";
    broken.experiment.variants = {*parseVariant("float"), *parseVariant("gptq/int4"),
                                  *parseVariant("int4/group=64")};
    broken.experiment.edit<ModelPart>().evaluation.maxChunks = 1;
    broken.experiment.edit<ModelPart>().layerTokens = 16;
    broken.views.edit<ModelView>().layerVariant = 1;
    const auto last = run(broken).back();
    QVERIFY2(!last->error, last->error ? describe(*last->error).c_str() : "");
    const auto& variants = last->evaluation.variants;
    QCOMPARE(variants.size(), size_t{3});
    QVERIFY(variants[1].error && variants[1].error->file == "no-such-calibration.txt");
    QVERIFY(last->layersError && last->layersError->file == "no-such-calibration.txt");
    QVERIFY(!variants[2].error && variants[2].tokens > 0);
}

void TestModelPipeline::missingTextIsAnError() {
    Experiment broken = m_experiment;
    broken.model.textPath = "no-such-text.txt";
    const auto last = run(broken).back();
    QVERIFY(last->error.has_value());
    QCOMPARE(last->error->kind, ErrorKind::NotFound);
    QCOMPARE(last->error->file, std::string("no-such-text.txt"));
}

void TestModelPipeline::shortTextSaysWhatIsNeeded() {
    QTemporaryDir folder;
    const auto path = folder.filePath("short.txt").toStdString();
    QVERIFY(writeTextFile(path, "In the beginning").has_value());
    Experiment broken = m_experiment;
    broken.model.textPath = path;
    const auto last = run(broken).back();
    QVERIFY(last->error.has_value());
    QCOMPARE(last->error->kind, ErrorKind::InvalidArgument);
    QVERIFY2(last->error->message.find("1024") != std::string::npos, last->error->message.c_str());
}

QTEST_APPLESS_MAIN(TestModelPipeline)
#include "test_model_pipeline.moc"
