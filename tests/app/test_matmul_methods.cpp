// SPDX-License-Identifier: Apache-2.0
// Methods in the Matmul lab: those with integer codes are multiplied, the others say why not.
#include <QtTest>

#include "app/experiment/matmul_part.h"
#include "app/pipelines/matmul_pipeline.h"
#include "methods/registry.h"

using namespace quantscope;

namespace {

struct Fixture {
    const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
    SourceLibrary sources{kernels};
    MatmulPipeline pipeline{sources, kernels};

    std::shared_ptr<const MatmulResults> run(const std::vector<std::string>& products) {
        Experiment e;
        auto& part = e.edit<MatmulPart>();
        part.source.x = SyntheticSource{"outliers/rows=48/cols=128/seed=2"};
        part.source.w = SyntheticSource{"normal/rows=40/cols=128/seed=3"};
        part.products.clear();
        for (const std::string& text : products) part.products.push_back(parseVariant(text).value());
        std::shared_ptr<const MatmulResults> last;
        pipeline.run(e, 1, {}, [&](auto results) { last = results; });
        return last;
    }
};

}  // namespace

class TestMatmulMethods : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void integerCodesAreMultiplied_data() {
        QTest::addColumn<QString>("text");
        for (const char* text :
             {"gptq/int8/channel", "gptq/int4/group=32", "gptq/int8/channel/act-order", "awq/int8/channel",
              "awq/int4/group=32", "adaround/int8/channel", "hqq/int4/group=32", "smoothquant", "llm-int8",
              "hadamard/int8/channel", "weighted/int4/group=32"})
            QTest::newRow(text) << text;
    }
    void integerCodesAreMultiplied() {
        QFETCH(QString, text);
        Fixture f;
        const auto results = f.run({"float", text.toStdString() + " @act=int8/token"});
        const ProductVariantResult& variant = results->variants[1];
        QVERIFY2(!variant.error, variant.error ? variant.error->message.c_str() : "");
        QVERIFY(variant.product && variant.product->isInteger);
        // In another basis than the weight's own, X would be multiplied by the wrong numbers.
        QVERIFY2(variant.product->error.relative < 0.2,
                 qPrintable(QString::number(variant.product->error.relative)));
        QCOMPARE(variant.x.cols(), results->x.cols());
    }

    void aMethodSeesHowTheProductsInputsLook() {
        Fixture f;
        const auto results = f.run({"float", "int3/channel", "gptq/int3/channel"});
        QVERIFY(results->variants[2].product->error.relative < results->variants[1].product->error.relative);
    }

    void othersSayWhyNot() {
        Fixture f;
        std::vector<std::string> texts{"float"};
        for (const Method* method : allMethods())
            if (!method->info().usesScheme) texts.push_back(method->info().name);
        texts.insert(texts.end(), {"kmeans", "salient", "magnitude"});
        const auto results = f.run(texts);
        QVERIFY(results->variants.size() > 15);
        for (size_t i = 1; i < results->variants.size(); ++i) {
            const auto& error = results->variants[i].error;
            QVERIFY2(error, texts[i].c_str());
            QVERIFY(error->message.find("integer") != std::string::npos);
            QVERIFY(error->fix.find("--") == std::string::npos);
        }
        QVERIFY(results->variants[0].product);
    }

    void nothingRunsTwice() {
        Fixture f;
        QVERIFY(f.run({"float", "gptq/int4/group=32 @act=int8/token"}));
        const uint64_t before = f.pipeline.computations();
        QVERIFY(f.run({"float", "gptq/int4/group=32 @act=int8/token"}));
        QCOMPARE(f.pipeline.computations(), before);
        // Other activations: another product of the same weights.
        const auto again = f.run({"float", "gptq/int4/group=32 @act=int8/tensor"});
        QVERIFY(again->variants[1].product);
        QVERIFY(f.pipeline.computations() <= before + 2);
    }
};

QTEST_APPLESS_MAIN(TestMatmulMethods)
#include "test_matmul_methods.moc"
