// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "golden_file.h"
#include "methods/interface/input_order.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/variant.h"
#include "methods/interface/variant_text.h"
#include "model/calibration/calibration.h"
#include "model/calibration/capture.h"
#include "model/calibration/ordered_calibration.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/variant_plan.h"
#include "model/forward/block_operators.h"
#include "model/weights/linear_weights.h"
#include "patched_model.h"
#include "tiny_model.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

const KernelTable& kernels() {
    return **chooseKernels(detectCpuFeatures());
}

CalibrationOptions textOf(std::vector<int32_t> tokens, int64_t window) {
    CalibrationOptions options;
    options.tokens = std::move(tokens);
    options.window = window;
    return options;
}

/// The inputs of the layer over the text, as the model at hand makes them.
CalibrationStatistics inputsOf(const Model& model, const LinearInfo& layer, const CalibrationOptions& text) {
    CaptureRequest request;
    request.window = text.window;
    request.layers = {layer.name};
    const auto captured = captureActivations(model, text.tokens, request, kernels(), {});
    if (!captured) return {};
    const Tensor inputs = captured->inputs.at(layer.name);
    CalibrationCollector collector(inputs.cols(), {true, text.sampleRows, text.seed});
    const MatrixView all = inputs.matrix();
    // Window by window, as the engine does: GPTQ turns the rounding of a sum into other codes.
    for (int64_t begin = 0; begin < all.rows; begin += text.window)
        collector.add({all.row(begin), std::min(text.window, all.rows - begin), all.cols, all.stride});
    return collector.finish();
}

/// Quantizes a layer after the other by hand: each on a run of the model as it stands at that moment.
class PlainLoop {
 public:
    PlainLoop(const Model& model, const Recipe& recipe, CalibrationOptions text)
        : m_model(model), m_patched(model), m_recipe(recipe), m_text(std::move(text)) {}

    std::string run() {
        std::vector<std::pair<std::string, Tensor>> waiting;
        const auto linears = m_model.linears();
        for (size_t i = 0; i < linears.size() && linears[i].block >= 0; ++i) {
            const LinearInfo& layer = linears[i];
            // Neighbours that read one input have seen the same model.
            if (i == 0 || layer.inputPoint != linears[i - 1].inputPoint)
                m_last = inputsOf(m_patched, layer, m_text);
            const auto made = quantizeLayer({layer.name, *m_model.linearWeight(layer.name),
                                             std::make_shared<CalibrationStatistics>(m_last)},
                                            m_recipe, {});
            if (!made) return describe(made.error());
            waiting.emplace_back(layer.name, made->floats());
            const LinearInfo& next = linears[i + 1];
            const bool unitEnds = inputOrder(m_recipe) == InputOrder::TrueSequential
                                      ? next.block != layer.block || next.inputPoint != layer.inputPoint
                                      : next.block != layer.block;
            if (!unitEnds) continue;
            for (auto& [name, weight] : waiting) m_patched.replace(name, std::move(weight));
            waiting.clear();
        }
        return {};
    }
    [[nodiscard]] const Model& quantized() const { return m_patched; }
    /// Of the last block's last layer.
    [[nodiscard]] const CalibrationStatistics& lastInputs() const { return m_last; }

 private:
    const Model& m_model;
    PatchedModel m_patched;
    Recipe m_recipe;
    CalibrationOptions m_text;
    CalibrationStatistics m_last;
};

double relativeDistance(std::span<const float> a, std::span<const float> b) {
    double difference = 0;
    double size = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
        size += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    return std::sqrt(difference / size);
}

/// The engine's own statistics of the last layer, all blocks before it quantized.
Result<std::shared_ptr<const CalibrationStatistics>> lastInputs(const Model& model, const Recipe& recipe,
                                                                const CalibrationOptions& text) {
    Variant variant;
    variant.weights = recipe;
    const VariantPlan plan = planFor(variant, model);
    LayerQuantizer layers(model, kernels(), uint64_t{64} << 20);
    layers.setCalibration(std::make_shared<Calibration>(model, kernels(), text));
    WeightStore store(layers, uint64_t{64} << 20);
    const LinearInfo& last = model.linears()[model.linears().size() - 2];
    std::vector<LinearOperator> made;
    for (int64_t block = 0; block <= last.block; ++block) {
        const auto operators = makeBlock(store, plan, block, {});
        if (!operators) return fail(operators.error());
        made.assign(operators->linears.begin(), operators->linears.end());
    }
    OrderedCalibration again(model, kernels(), text, plan);
    if (Status begun = again.begin({}); !begun) return fail(begun.error());
    for (int64_t block = 0; block < last.block; ++block) {
        const auto operators = makeBlock(store, plan, block, {});
        if (!operators) return fail(operators.error());
        if (Status done = again.finished(block, *operators, {}); !done) return fail(done.error());
    }
    return again.statistics(last, inputOrder(recipe), made, {});
}

struct Case {
    std::unique_ptr<TinyModel> tiny;
    std::shared_ptr<const Model> sample;
    CalibrationOptions text;
    std::vector<int32_t> scored;
    [[nodiscard]] const Model& model() const { return tiny ? *tiny : *sample; }
};

Case openCase(bool sample) {
    Case result;
    if (!sample) {
        result.tiny = std::make_unique<TinyModel>();
        result.text = textOf(randomTokens(70, 5), 16);
        result.scored = randomTokens(64);
        return result;
    }
    auto model = openModel(sourcePath("samples/tiny-llama"));
    if (!model) return result;
    result.sample = *model;
    const auto encoded =
        (*result.sample->tokenizer())->encode(readAll(sourcePath("samples/text/held-out.txt")));
    if (!encoded) return result;
    const std::vector<int32_t>& tokens = *encoded;
    result.text = textOf({tokens.begin(), tokens.begin() + 256}, 128);
    result.scored.assign(tokens.begin() + 512, tokens.begin() + 640);
    return result;
}

}  // namespace

class TestCalibration : public QObject {
    Q_OBJECT

 private slots:
    void orderMatters_data() {
        QTest::addColumn<bool>("sample");
        QTest::addColumn<QString>("recipe");
        for (const char* order : {"quantized", "true-sequential"}) {
            QTest::addRow("tiny model, gptq, %s", order)
                << false << QString("gptq/int3/group=16/inputs=") + order;
            QTest::addRow("sample model, gptq, %s", order)
                << true << QString("gptq/int3/group=64/inputs=") + order;
        }
        QTest::newRow("tiny model, wanda") << false << QString("wanda/inputs=true-sequential");
        QTest::newRow("tiny model, k-means") << false << QString("kmeans/int2/sensitive/inputs=quantized");
    }
    /// A plain loop quantizes a unit, runs the model as it stands, quantizes the next: the engine's inputs of
    /// the last layer are that loop's, not the float model's, and so are its scores.
    void orderMatters() {
        QFETCH(bool, sample);
        QFETCH(QString, recipe);
        const Case with = openCase(sample);
        const auto parsed = parseRecipe(recipe.toStdString());
        QVERIFY2(parsed.has_value(), parsed ? "" : describe(parsed.error()).c_str());
        PlainLoop loop(with.model(), *parsed, with.text);
        const std::string failed = loop.run();
        QVERIFY2(failed.empty(), failed.c_str());
        const auto ours = lastInputs(with.model(), *parsed, with.text);
        QVERIFY2(ours.has_value(), ours ? "" : describe(ours.error()).c_str());
        Calibration floats(with.model(), kernels(), with.text);
        const auto float32 = floats.statistics(with.model().linears()[with.model().linears().size() - 2], {});
        QVERIFY(float32.has_value());
        const double toLoop = relativeDistance((*ours)->hessian, loop.lastInputs().hessian);
        const double toFloat = relativeDistance((*ours)->hessian, (*float32)->hessian);
        QVERIFY2(toLoop < 1e-5, std::to_string(toLoop).c_str());
        QVERIFY2(toFloat > 0.02, std::to_string(toFloat).c_str());

        EvaluationProtocol protocol;
        protocol.window = 32;
        CalibrationInput calibration{std::make_shared<const std::vector<int32_t>>(with.text.tokens)};
        calibration.window = static_cast<int>(with.text.window);
        calibration.chunks = 0;
        const auto byHand =
            evaluate(loop.quantized(), with.scored, *parseVariants("float"), protocol, kernels(), {});
        QVERIFY(byHand.has_value());
        for (const auto order : {EvaluationOrder::ChunkMajor, EvaluationOrder::LayerMajor}) {
            protocol.order = order;
            const auto scored =
                evaluate(with.model(), with.scored, *parseVariants("float; " + recipe.toStdString()),
                         protocol, kernels(), {}, {}, calibration);
            QVERIFY2(scored.has_value(), scored ? "" : describe(scored.error()).c_str());
            const double nll = scored->variants[1].meanNll;
            QVERIFY2(std::abs(nll - byHand->variants[0].meanNll) < 2e-4,
                     qPrintable(QString("%1 against %2").arg(nll).arg(byHand->variants[0].meanNll)));
        }
    }

    /// Variants that part late share the text's way until then; the result is the same as alone.
    void orderedVariantsDoNotDependOnTheirNeighbours() {
        const TinyModel model;
        EvaluationProtocol protocol;
        protocol.window = 16;
        CalibrationInput calibration{std::make_shared<const std::vector<int32_t>>(randomTokens(64, 5))};
        calibration.window = 16;
        const std::string texts[] = {"gptq/int3/group=16/inputs=quantized",
                                     "gptq/int3/group=16/inputs=quantized @blk.1.ffn_down=int8",
                                     "gptq/int3/group=16/inputs=true-sequential @act=int8/token",
                                     "gptq/int3/group=16/inputs=quantized @blk.0.*=float"};
        std::string all = "float";
        for (const std::string& text : texts) all += "; " + text;
        const auto tokens = randomTokens(80);
        for (const auto order : {EvaluationOrder::ChunkMajor, EvaluationOrder::LayerMajor}) {
            protocol.order = order;
            const auto together =
                evaluate(model, tokens, *parseVariants(all), protocol, kernels(), {}, {}, calibration);
            QVERIFY2(together.has_value(), together ? "" : describe(together.error()).c_str());
            for (size_t i = 0; i < std::size(texts); ++i) {
                const auto alone = evaluate(model, tokens, *parseVariants("float; " + texts[i]), protocol,
                                            kernels(), {}, {}, calibration);
                QVERIFY(alone.has_value());
                QCOMPARE(together->variants[i + 1].meanNll, alone->variants[1].meanNll);
            }
        }
    }

    void ordersAreRefusedWithoutAText() {
        const TinyModel model;
        EvaluationProtocol protocol;
        protocol.window = 16;
        const auto scored =
            evaluate(model, randomTokens(64), *parseVariants("float; gptq/inputs=quantized/group=16"),
                     protocol, kernels(), {});
        QVERIFY(scored.has_value() && scored->variants[1].error);
        QVERIFY(describe(*scored->variants[1].error).find("calibration text") != std::string::npos);
        const auto nonsense = parseRecipe("gptq/inputs=sideways");
        QVERIFY(!nonsense.has_value() && nonsense.error().kind == ErrorKind::InvalidArgument);
        QVERIFY(!parseRecipe("hqq/inputs=quantized").has_value());
    }
};

QTEST_APPLESS_MAIN(TestCalibration)
#include "test_calibration.moc"
