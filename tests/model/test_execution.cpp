// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <map>

#include "methods/interface/quantize_layer.h"
#include "model/evaluation/evaluation.h"
#include "model/forward/block_operators.h"
#include "model/forward/context_runner.h"
#include "model/weights/linear_weights.h"
#include "support/paths.h"
#include "tiny_model.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

Variant variantOf(const QString& text) {
    return *parseVariant(text.toStdString());
}

Variant twinOf(Variant variant) {
    setExecution(variant, Execution::Fake);
    return variant;
}

EvaluationProtocol shortWindows() {
    EvaluationProtocol protocol;
    protocol.window = 16;
    protocol.order = EvaluationOrder::ChunkMajor;
    return protocol;
}

CalibrationInput shortText() {
    CalibrationInput calibration{std::make_shared<const std::vector<int32_t>>(randomTokens(96, 11))};
    calibration.window = 16;
    calibration.chunks = 0;
    return calibration;
}

/// Inputs of about unit size with one channel that is much larger.
std::vector<float> inputWithOutlier(int64_t rows, int64_t cols) {
    const CounterRandom random(17);
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < values.size(); ++i) {
        const bool outlier = static_cast<int64_t>(i) % cols == 3;
        values[i] = static_cast<float>(random.normal(i)) * (outlier ? 20.0F : 1.0F);
    }
    return values;
}

/// Largest difference of two layers' outputs over the largest output; a message when one fails.
QString outputDistance(const LinearOperator& a, const LinearOperator& b, const KernelTable& kernels,
                       double& distance, const std::vector<float>& x) {
    const int64_t rows = static_cast<int64_t>(x.size()) / a.inputs();
    StageTimes times;
    LinearRunner runner(kernels, times);
    runner.setInput({x.data(), rows, a.inputs(), a.inputs()});
    std::vector<float> ya(static_cast<size_t>(rows * a.outputs()));
    std::vector<float> yb = ya;
    for (const auto& [op, y] : {std::pair{&a, &ya}, std::pair{&b, &yb}}) {
        if (const Status done = runner.multiply(*op, y->data()); !done)
            return QString::fromStdString(describe(done.error()));
        std::vector<float> onto(y->size(), 0.5F);
        if (const Status done = runner.multiplyOnto(*op, onto.data()); !done)
            return QString::fromStdString(describe(done.error()));
        for (size_t i = 0; i < y->size(); ++i)
            if (std::abs(onto[i] - (*y)[i] - 0.5F) > 1e-4F * (1 + std::abs((*y)[i])))
                return "the sum onto a matrix differs";
    }
    double largest = 0;
    double difference = 0;
    for (size_t i = 0; i < ya.size(); ++i) {
        largest = std::max(largest, static_cast<double>(std::abs(ya[i])));
        difference = std::max(difference, static_cast<double>(std::abs(ya[i] - yb[i])));
    }
    distance = difference / largest;
    return {};
}

Result<BlockOperators> blockOf(const Model& model, const Variant& variant, const KernelTable& kernels,
                               bool& integer, int64_t index = 0) {
    const VariantPlan plan = planFor(variant, model);
    LayerQuantizer layers(model, kernels, 1 << 20);
    layers.setRangesText(randomTokens(16));
    WeightStore store(layers, 1 << 20);
    auto block = makeBlock(store, plan, index, {});
    if (block) integer = block->linears[0].integer != nullptr;
    return block;
}

}  // namespace

class TestExecution : public QObject {
    Q_OBJECT

 private slots:
    /// On the same input, codes and dequantized values give the same output but for rounding.
    void layersEqualTheirTwins_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("kernels");
        for (const char* text : {"w8a8/token",
                                 "w8a8/static",
                                 "llm-int8/threshold=6",
                                 "w8a8/token/threshold=6",
                                 "w4a8/group=16",
                                 "w4a16/group=16",
                                 "w4a8",
                                 "w4a16",
                                 "w3a8/group=16",
                                 "w8a8/token/threshold=1",
                                 "int8/affine/channel/integer @act=uint8/affine/token/inverse",
                                 "uint8/affine/tensor/integer @act=uint8/affine/token",
                                 "int8/affine/integer @act-static=int8/affine/tensor",
                                 "int8/integer @act=int8/token",
                                 "int8/full/integer @act=int8/tensor",
                                 "int8/integer @act=int6/token/percentile=1,99",
                                 "int4/affine/group=16/integer @act=int8/token",
                                 "uint4/symmetric/group=8/integer @act=int4/token",
                                 "hadamard/int4/integer @act=int8/token/inverse",
                                 "hadamard/int4/group=16/integer",
                                 "float @*.attn_k=w8a8/token @*.attn_q=w4a16/group=16"})
            for (const char* kernels : {"", "reference"})
                QTest::addRow("%s %s", text, kernels) << text << kernels;
    }
    void layersEqualTheirTwins() {
        QFETCH(QString, text);
        QFETCH(QString, kernels);
        const KernelTable& table = **chooseKernels(detectCpuFeatures(), kernels.toStdString());
        const TinyModel model;
        bool integer = false;
        bool fake = false;
        const auto block = blockOf(model, variantOf(text), table, integer);
        QVERIFY2(block.has_value(), block ? "" : describe(block.error()).c_str());
        const auto twin = blockOf(model, twinOf(variantOf(text)), table, fake);
        QVERIFY2(twin.has_value(), twin ? "" : describe(twin.error()).c_str());
        QVERIFY(integer && !fake);
        for (size_t i = 0; i < block->linears.size(); ++i) {
            for (const int64_t rows : {13, 3, 1}) {
                double distance = 1;
                const QString wrong = outputDistance(block->linears[i], twin->linears[i], table, distance,
                                                     inputWithOutlier(rows, block->linears[i].inputs()));
                QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
                QVERIFY2(distance < 1e-5, qPrintable(QString("layer %1: %2").arg(i).arg(distance)));
            }
        }
    }

    /// The same on the sample model, whose rows fill whole cache lines, with the inputs its layers really
    /// see.
    void sampleLayersEqualTheirTwins_data() {
        QTest::addColumn<QString>("text");
        for (const char* text :
             {"w8a8/token", "w8a8/static", "llm-int8/threshold=6", "w4a8/group=64", "w4a16/group=64"})
            QTest::newRow(text) << text;
    }
    void sampleLayersEqualTheirTwins() {
        QFETCH(QString, text);
        const auto model = openModel(test::sourcePath("samples/tiny-llama"));
        QVERIFY2(model.has_value(), model ? "" : describe(model.error()).c_str());
        const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
        std::vector<int32_t> tokens;
        for (int32_t i = 0; i < 512; ++i) tokens.push_back((i * 7919) % 2048);
        std::map<std::string, std::vector<float>> inputs;
        const Tap keep = [&](const LinearInfo& layer, TapPoint point, const MatrixView& x) {
            if (point == TapPoint::Input) inputs[layer.name].assign(x.data, x.data + x.size());
        };
        QVERIFY(ForwardPass(**model, kernels).run(tokens, 512, {}, keep).has_value());
        for (int64_t block = 0; block < (*model)->config().blocks; ++block) {
            bool integer = false;
            bool fake = true;
            const auto a = blockOf(**model, variantOf(text), kernels, integer, block);
            const auto b = blockOf(**model, twinOf(variantOf(text)), kernels, fake, block);
            QVERIFY(a.has_value() && b.has_value() && integer && !fake);
            for (size_t i = 0; i < a->linears.size(); ++i) {
                const LinearInfo& layer = (*model)->blockLinears(block)[i];
                double distance = 1;
                const QString wrong =
                    outputDistance(a->linears[i], b->linears[i], kernels, distance, inputs[layer.name]);
                QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
                QVERIFY2(distance < 1e-5,
                         qPrintable(QString("%1: %2").arg(layer.name.c_str()).arg(distance)));
            }
        }
    }

    /// Each step of making one weight looks at the job: the head of a real model is half of what a start
    /// costs.
    void stoppedWeightsAreCancelled_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<int>("layout");  // -1: floats
        QTest::newRow("float") << "float" << -1;
        QTest::newRow("fake int4") << "int4/group=16" << -1;
        QTest::newRow("int8") << "w8a8/token" << static_cast<int>(IntegerLayout::Int8);
        QTest::newRow("int4") << "w4a8/group=16" << static_cast<int>(IntegerLayout::Int4);
        QTest::newRow("outliers") << "w8a8/token/threshold=6" << static_cast<int>(IntegerLayout::Int8);
    }
    void stoppedWeightsAreCancelled() {
        QFETCH(QString, text);
        QFETCH(int, layout);
        const TinyModel model;
        LayerQuantizer layers(model, **chooseKernels(detectCpuFeatures()), 1 << 20);
        WeightStore store(layers, 1 << 20);
        const VariantPlan plan = planFor(variantOf("float @output=" + text), model);
        std::stop_source stop;
        stop.request_stop();
        const auto stopped = store.make(plan, model.head(), nullptr, Job(stop.get_token()));
        QVERIFY(!stopped.has_value());
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
        QCOMPARE(store.bytesKept(), uint64_t{0});
        const auto whole = store.make(plan, model.head(), nullptr, {});
        QVERIFY2(whole.has_value(), whole ? "" : describe(whole.error()).c_str());
        QCOMPARE(whole->integer ? static_cast<int>(whole->integer->layout()) : -1, layout);
        if (!whole->integer) return;
        // Codes that were made may still meet a stop before they are packed.
        const auto coded = layers.find(plan, model.head());
        QVERIFY(coded.has_value() && *coded);
        const auto packed = IntegerWeights::pack(*(*coded)->result.weight, static_cast<IntegerLayout>(layout),
                                                 false, Job(stop.get_token()));
        QVERIFY(!packed.has_value());
        QCOMPARE(packed.error().kind, ErrorKind::Cancelled);
    }

    void inputsAreQuantizedOnceForTheirReaders() {
        const TinyModel model;
        const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
        bool integer = false;
        const auto block = blockOf(model, variantOf("w8a8/token @*.attn_k=w4a8/group=16"), kernels, integer);
        QVERIFY(block.has_value());
        const auto layers = model.blockLinears(0);
        const auto input = [&](LayerRole role) {
            const auto layer = std::ranges::find(layers, role, &LinearInfo::role);
            return block->linears[static_cast<size_t>(layer - layers.begin())].input;
        };
        QVERIFY(input(LayerRole::Query) == input(LayerRole::Value));
        QVERIFY(input(LayerRole::Query) != input(LayerRole::Key));
        QVERIFY(input(LayerRole::Gate) == input(LayerRole::Up));
        QVERIFY(input(LayerRole::Gate) != input(LayerRole::Down));
    }

    void perplexityEqualsTheTwins_data() {
        QTest::addColumn<QString>("text");
        for (const char* text :
             {"w8a8/token", "w8a8/static", "llm-int8/threshold=6", "w4a8/group=16", "w4a16/group=16",
              "smoothquant/w8a8/integer",
              "gptq/int4/group=16/act-order/inputs=float/integer @act=int8/token/inverse",
              "awq/int4/group=16/integer", "w8a8/token @blk.1.*=w4a16/group=16 @*.attn_v=w16a16",
              "w8a8/token @output=w8a8/token", "float @output=llm-int8/threshold=6",
              "float @output=w4a16/group=16"})
            QTest::newRow(text) << text;
    }
    void perplexityEqualsTheTwins() {
        QFETCH(QString, text);
        const TinyModel model;
        const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
        std::vector<Variant> variants = {variantOf("float"), variantOf(text), twinOf(variantOf(text))};
        const auto result =
            evaluate(model, randomTokens(64), variants, shortWindows(), kernels, {}, {}, shortText());
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        const auto& scores = result->variants;
        QVERIFY(scores[1].klMean > 0);
        QVERIFY2(
            std::abs(scores[1].meanNll - scores[2].meanNll) < 1e-4,
            qPrintable(QString("%1 %2").arg(scores[1].meanNll, 0, 'g', 9).arg(scores[2].meanNll, 0, 'g', 9)));
        QCOMPARE(scores[1].bitsPerWeight, scores[2].bitsPerWeight);
    }

    /// Read in pieces or one by one, the tokens lead to the logits of the whole.
    void piecesEqualTheWhole() {
        const auto model = std::make_shared<const TinyModel>();
        const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
        const auto tokens = randomTokens(12);
        const std::span<const int32_t> all(tokens);
        const auto whole = ForwardPass(*model, kernels).logits(all, {}, {}, 11);
        auto runner = ContextRunner::open(model, variantOf("float"), 12, all, kernels);
        QVERIFY(whole.has_value() && runner.has_value());
        for (int round = 0; round < 2; ++round) {
            QVERIFY(runner->read(all.first(5)).has_value());
            QVERIFY(runner->read(all.subspan(5, 4)).has_value());
            for (size_t i = 9; i < 12; ++i) QVERIFY(runner->read(all.subspan(i, 1)).has_value());
            QCOMPARE(runner->length(), int64_t{12});
            const std::vector<float> logits = *runner->logits();
            for (size_t i = 0; i < logits.size(); ++i)
                QVERIFY(std::abs(logits[i] - whole->floats()[i]) < 1e-4F);
            QVERIFY(!runner->read(all.first(1)).has_value());  // no room
            runner->clear();
        }
        QVERIFY(!runner->read({}).has_value());
        QVERIFY(!runner->read(std::vector<int32_t>{97}).has_value());
    }

    void codesDecodeToo_data() {
        QTest::addColumn<QString>("text");
        for (const char* text : {"w8a8/token", "w8a8/static", "w4a8/group=16", "w4a16/group=16",
                                 "w8a8/token @output=w8a8/token"})
            QTest::newRow(text) << text;
    }
    void codesDecodeToo() {
        QFETCH(QString, text);
        const auto model = std::make_shared<const TinyModel>();
        const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
        const auto tokens = randomTokens(12);
        const std::span<const int32_t> all(tokens);
        auto once = ContextRunner::open(model, variantOf(text), 12, all, kernels);
        auto steps = ContextRunner::open(model, variantOf(text), 12, all, kernels);
        QVERIFY(once.has_value() && steps.has_value());
        QVERIFY(once->read(all).has_value());
        for (size_t i = 0; i < 12; ++i) QVERIFY(steps->read(all.subspan(i, 1)).has_value());
        // Ranges are a token's or fixed, so that the pieces do not matter but for float rounding, which may
        // move a code here and there.
        const std::vector<float> a = *once->logits();
        const std::vector<float> b = *steps->logits();
        for (size_t i = 0; i < a.size(); ++i) QVERIFY(std::abs(a[i] - b[i]) < 0.02F * (1 + std::abs(a[i])));
    }

    void whatNoProductTakes_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("mentions");
        const auto row = [](const char* text, const char* mentions) {
            QTest::newRow(text) << text << mentions;
        };
        row("nf4/integer @act=int8/token", "nf4 leaves no codes");
        row("int8/integer", "add @act=int8/token");
        row("int8/group=16/integer @act=int8/token", "group scales of 8-bit weights");
        row("int4/group=18/integer @act=int8/token", "whole fours");
        row("int8/input-channel/integer @act=int8/token", "one scale a channel");
        row("int16/integer @act=int8/token", "exceed a byte");
        row("int8/affine/float-zero/integer @act=int8/token", "integer-zero");
        row("int8/integer @act=int16/token", "fit no byte");
        row("int8/integer @act=int8/group=16", "@act=int8/tensor");
        row("int8/integer @act-static=int8/input-channel", "@act=int8/token");
        row("w4a8/group=16/threshold=6", "outlier channels");
        row("int4/group=16/integer @act=uint8/affine/token", "zero point");
        row("float @blk.1.ffn_up=int8/integer", "blk.1.ffn_up");
        row("float @output=int8/integer", "output");
        row("w8a8/token @output=w8a8/static", "no calibrated range");
    }
    void whatNoProductTakes() {
        QFETCH(QString, text);
        QFETCH(QString, mentions);
        const TinyModel model;
        const auto variant = parseVariant(text.toStdString());
        QVERIFY2(variant.has_value(), variant ? "" : describe(variant.error()).c_str());
        const auto result = evaluate(model, randomTokens(64), {variantOf("float"), *variant}, shortWindows(),
                                     **chooseKernels(detectCpuFeatures()), {});
        QVERIFY(result.has_value() && result->variants[1].error);
        const QString message = QString::fromStdString(describe(*result->variants[1].error));
        QVERIFY2(message.contains(mentions), qPrintable(message));
        QVERIFY2(message.contains("fake"), qPrintable(message));
    }

    void inputsThatAreNotFinite() {
        const TinyModel model;
        const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
        bool integer = false;
        for (const char* text :
             {"w8a8/token", "w8a8/static", "w4a8/group=16", "int8/integer @act=int8/token"}) {
            const auto block = blockOf(model, variantOf(text), kernels, integer);
            QVERIFY(block.has_value());
            std::vector<float> x = inputWithOutlier(2, 32);
            x[40] = NAN;
            std::vector<float> y(64);
            StageTimes times;
            LinearRunner runner(kernels, times);
            runner.setInput({x.data(), 2, 32, 32});
            const Status done = runner.multiply(block->linears[0], y.data());
            QVERIFY2(!done.has_value(), text);
            QCOMPARE(done.error().kind, ErrorKind::InvalidArgument);
        }
    }
};

QTEST_APPLESS_MAIN(TestExecution)
#include "test_execution.moc"
