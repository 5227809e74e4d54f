// SPDX-License-Identifier: Apache-2.0
// The pipeline on synthetic matrices: tiers, caching, cancellation, errors in the place of what failed.
#include <QtTest>
#include <cmath>

#include "app/pipelines/tensor_pipeline.h"
#include "quant/quantized_tensor.h"

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

Experiment experimentOn(const char* spec) {
    Experiment e;
    e.edit<TensorPart>().matrix = SyntheticSource{spec};
    e.variants = defaultVariants();
    return e;
}

/// Squared error of a variant by the scalar quantizer, in double.
double naiveSse(const Tensor& matrix, const Variant& variant) {
    if (variant.isFloat()) return 0;
    const Tensor restored = dequantize(quantize(matrix, variant.weights.scheme).value());
    double sse = 0;
    for (int64_t i = 0; i < matrix.size(); ++i) {
        const auto index = static_cast<size_t>(i);
        const double d = double(matrix.floats()[index]) - double(restored.floats()[index]);
        sse += d * d;
    }
    return sse;
}

}  // namespace

class TestTensorPipeline : public QObject {
    Q_OBJECT
 private slots:
    void smallMatrixGivesOneFullResult();
    void agreesWithTheScalarQuantizer();
    void largeMatrixGivesAPreviewFirst();
    void stoppedRefiningLeavesThePreview();
    void secondRunReusesWhatDidNotChange();
    void failedVariantLeavesTheOthers();
    void failedSourceIsAResult();
    void heatMapRegionIsHonoured();
};

void TestTensorPipeline::smallMatrixGivesOneFullResult() {
    Fixture f;
    const auto delivered = f.run(experimentOn("normal/rows=64/cols=256"));
    QCOMPARE(delivered.size(), size_t{1});
    const TensorResults& r = *delivered.front();
    QVERIFY(!r.error);
    QVERIFY(r.tier == Tier::Full);
    QCOMPARE(r.sequence, uint64_t{1});
    QCOMPARE(r.variants.size(), size_t{4});
    QCOMPARE(r.inputChannels->channels(), int64_t{256});
    QCOMPARE(r.outputChannels->channels(), int64_t{64});
    QVERIFY(r.heatMaps != nullptr);
    QVERIFY(r.variants[1].clipCurve->points.size() > 10);
    QVERIFY(std::isnan(r.variants[1].outputError));
}

void TestTensorPipeline::agreesWithTheScalarQuantizer() {
    Fixture f;
    const auto delivered = f.run(experimentOn("student-t/rows=48/cols=320/seed=5"));
    const TensorResults& r = *delivered.back();
    for (const TensorVariantResult& variant : r.variants) {
        QVERIFY(variant.report != nullptr);
        const double expected = naiveSse(r.matrix, variant.variant);
        const double got = variant.report->errors.total.totalSse();
        QVERIFY2(std::abs(got - expected) <= 1e-9 * (expected + 1e-300), variant.title.c_str());
    }
}

void TestTensorPipeline::largeMatrixGivesAPreviewFirst() {
    Fixture f;
    const auto delivered = f.run(experimentOn("outliers/rows=2048/cols=2048"));
    QCOMPARE(delivered.size(), size_t{2});
    const TensorResults& preview = *delivered[0];
    const TensorResults& full = *delivered[1];
    QVERIFY(preview.tier == Tier::Preview);
    QVERIFY(preview.inverseShare > 1.5);
    QVERIFY(full.tier == Tier::Full);
    QVERIFY(preview.axis == full.axis);
    // The first preview does not wait for the statistics, but its extremes are those of the whole matrix.
    QVERIFY(preview.stage != full.stage);
    QVERIFY(preview.stage->report.extremes == full.stage->report.extremes);
    QCOMPARE(preview.stage->report.size(), full.stage->report.size());
    QVERIFY(preview.inputChannels == nullptr && full.inputChannels != nullptr);
    const auto again = f.run(experimentOn("outliers/rows=2048/cols=2048"));
    QVERIFY(again.front()->stage == full.stage);
    QVERIFY(again.front()->inputChannels == full.inputChannels);
    for (size_t i = 1; i < full.variants.size(); ++i) {
        const double ratio = preview.variants[i].report->metrics.mse / full.variants[i].report->metrics.mse;
        QVERIFY2(ratio > 0.8 && ratio < 1.25, full.variants[i].title.c_str());
    }
}

void TestTensorPipeline::stoppedRefiningLeavesThePreview() {
    Fixture f;
    const Experiment e = experimentOn("normal/rows=2048/cols=2048");
    QCOMPARE(f.run(e).size(), size_t{2});
    Experiment other = e;
    other.variants[1] = *parseVariant("int3/symmetric/channel");
    std::stop_source stopped;
    stopped.request_stop();
    const auto delivered = f.run(other, stopped.get_token());
    QCOMPARE(delivered.size(), size_t{1});
    QVERIFY(delivered[0]->tier == Tier::Preview);
}

void TestTensorPipeline::secondRunReusesWhatDidNotChange() {
    Fixture f;
    Experiment e = experimentOn("normal/rows=64/cols=256");
    const auto first = f.run(e).back();
    e.variants[3] = *parseVariant("int3/affine/group=64");
    const auto second = f.run(e).back();
    QVERIFY(first->stage == second->stage);
    QVERIFY(first->floatHistogram == second->floatHistogram);
    QVERIFY(first->variants[1].report == second->variants[1].report);
    QVERIFY(first->variants[3].report != second->variants[3].report);
    QVERIFY(first->heatMaps == second->heatMaps);
}

void TestTensorPipeline::failedVariantLeavesTheOthers() {
    Fixture f;
    Experiment e = experimentOn("normal/rows=8/cols=64");
    e.variants[2].weights.scheme.bits = 77;
    const auto r = f.run(e).back();
    QVERIFY(!r->error);
    QVERIFY(r->variants[2].error.has_value());
    QVERIFY(r->variants[2].report == nullptr);
    QVERIFY(r->variants[3].report != nullptr);
}

void TestTensorPipeline::failedSourceIsAResult() {
    Fixture f;
    Experiment e = experimentOn("normal");
    e.edit<TensorPart>().matrix = TensorSource{"no-such-file.gguf", "x"};
    const auto delivered = f.run(e);
    QCOMPARE(delivered.size(), size_t{1});
    QVERIFY(delivered[0]->error.has_value());
    QCOMPARE(delivered[0]->error->kind, ErrorKind::NotFound);
    QVERIFY(delivered[0]->variants.empty());
    e.edit<TensorPart>().matrix = SyntheticSource{"nonsense"};
    QVERIFY(f.run(e)[0]->error.has_value());
}

void TestTensorPipeline::heatMapRegionIsHonoured() {
    Fixture f;
    LabRequest request(experimentOn("normal/rows=64/cols=256"));
    request.views.edit<TensorView>().heatmapRegion = {8, 16, 32, 64};
    const auto r = f.run(request).back();
    QCOMPARE(r->heatMaps->original.rows, int64_t{8});
    QCOMPARE(r->heatMaps->original.cols, int64_t{32});
    QCOMPARE(r->heatMaps->original.at(0, 0), r->matrix.matrix().at(8, 32));
}

QTEST_APPLESS_MAIN(TestTensorPipeline)
#include "test_tensor_pipeline.moc"
