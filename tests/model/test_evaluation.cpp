// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "methods/interface/variant.h"
#include "methods/registry.h"
#include "model/calibration/calibration.h"
#include "model/calibration/capture.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/evaluation_session.h"
#include "model/evaluation/token_statistics.h"
#include "model/evaluation/windows.h"
#include "model/weights/linear_weights.h"
#include "plain_scores.h"
#include "quant/quantized_tensor.h"
#include "tiny_model.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

const KernelTable& kernels() {
    return **chooseKernels(detectCpuFeatures());
}

EvaluationProtocol shortWindows(EvaluationOrder order = EvaluationOrder::ChunkMajor) {
    EvaluationProtocol protocol;
    protocol.window = 16;
    protocol.order = order;
    return protocol;
}

std::vector<Variant> someVariants() {
    return *parseVariants(
        "float; int8/symmetric/channel; int4/symmetric/channel; int4/symmetric/channel @act=int8/token; "
        "float");
}

/// What differs between two results, or nothing.
std::string difference(const EvaluationResult& a, const EvaluationResult& b) {
    if (a.variants.size() != b.variants.size()) return "number of variants";
    for (size_t i = 0; i < a.variants.size(); ++i) {
        const VariantScore& x = a.variants[i];
        const VariantScore& y = b.variants[i];
        if (x.tokens != y.tokens) return x.name + ": tokens";
        if (x.meanNll != y.meanNll) return x.name + ": nll";
        if (x.klMean != y.klMean || x.kl.p99 != y.kl.p99) return x.name + ": kl";
        if (x.top1Agreement != y.top1Agreement) return x.name + ": top";
        if (x.deltaPRms != y.deltaPRms || x.chunkNll != y.chunkNll) return x.name + ": delta p or chunks";
    }
    return {};
}

bool near(double a, double b, double tolerance) {
    return std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
}

}  // namespace

class TestEvaluation : public QObject {
    Q_OBJECT

 private slots:
    void statisticsFollowTheirDefinitions() {
        const TinyModel model;
        const auto tokens = randomTokens(70);
        const auto variants = *parseVariants("float; int4/symmetric/channel");
        const auto result = evaluate(model, tokens, variants, shortWindows(), kernels(), {});
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        const WindowedText text = *cutWindows(tokens, shortWindows(), {});
        QCOMPARE(text.windows.size(), size_t{4});
        const PlainScores plain = plainScores(variants[1], text);
        const VariantScore& score = result->variants[1];
        QCOMPARE(score.tokens, int64_t{28});  // 4 windows of 16: 7 targets each
        QVERIFY(near(score.meanNll, mean(plain.nll), 1e-4));
        QVERIFY(near(score.perplexity, std::exp(mean(plain.nll)), 1e-3));
        QVERIFY(near(score.perplexitySe, std::exp(mean(plain.nll)) * standardError(plain.nll), 1e-3));
        QVERIFY(near(score.deltaNll, mean(plain.deltaNll), 1e-4));
        QVERIFY(near(score.deltaNllSe, standardError(plain.deltaNll), 1e-4));
        QVERIFY(near(score.klMean, mean(plain.kl), 1e-4));
        QVERIFY(near(score.klMeanSe, standardError(plain.kl), 1e-4));
        QVERIFY(score.klMean > 0);
        QCOMPARE(score.top1Agreement, mean(plain.same));
        QVERIFY(near(score.deltaPMean, mean(plain.deltaP), 1e-4));
        std::vector<double> squares;
        for (const double d : plain.deltaP) squares.push_back(d * d);
        QVERIFY(near(score.deltaPRms, std::sqrt(mean(squares)), 1e-4));
        QVERIFY(near(score.kl.maximum, *std::ranges::max_element(plain.kl), 1e-4));
        const VariantScore& reference = result->variants[0];
        QCOMPARE(reference.klMean, 0.0);
        QCOMPARE(reference.deltaNll, 0.0);
        QCOMPARE(reference.top1Agreement, 1.0);
        QCOMPARE(result->tokens[1].size(), size_t{28});
    }

    void ordersAgree() {
        const TinyModel model(true);
        const auto tokens = randomTokens(90);
        const auto variants = someVariants();
        const auto chunks = evaluate(model, tokens, variants, shortWindows(), kernels(), {});
        const auto layers =
            evaluate(model, tokens, variants, shortWindows(EvaluationOrder::LayerMajor), kernels(), {});
        QVERIFY(chunks.has_value() && layers.has_value());
        QCOMPARE(difference(*chunks, *layers), std::string());
        QCOMPARE(layers->order, EvaluationOrder::LayerMajor);
        // The last variant is the reference once more.
        QCOMPARE(chunks->variants[4].meanNll, chunks->variants[0].meanNll);
        QCOMPARE(chunks->variants[4].klMean, 0.0);
        EvaluationProtocol small = shortWindows(EvaluationOrder::Auto);
        small.memoryBudgetBytes = 1000;
        QCOMPARE(evaluate(model, tokens, variants, small, kernels(), {})->order, EvaluationOrder::LayerMajor);
    }

    void variantsDoNotDependOnTheirNeighbours() {
        // Two variants that part in the second block share the first; alone they do not.
        const TinyModel model;
        const auto tokens = randomTokens(64);
        const auto together = evaluate(model, tokens,
                                       *parseVariants("float; float @blk.1.*=int4/symmetric/channel; "
                                                      "float @blk.0.ffn_up=int3/symmetric/channel; "
                                                      "float @output=int4/symmetric/channel; "
                                                      "float @output=int8/channel; "
                                                      "float @output=w8a8/token/fake"),
                                       shortWindows(), kernels(), {});
        QVERIFY2(together.has_value(), together ? "" : describe(together.error()).c_str());
        const char* alone[] = {"float; float @blk.1.*=int4/symmetric/channel",
                               "float; float @blk.0.ffn_up=int3/symmetric/channel",
                               "float; float @output=int4/symmetric/channel",
                               "float; float @output=int8/channel", "float; float @output=w8a8/token/fake"};
        for (size_t i = 0; i < std::size(alone); ++i) {
            const auto single =
                evaluate(model, tokens, *parseVariants(alone[i]), shortWindows(), kernels(), {});
            QVERIFY(single.has_value());
            QCOMPARE(together->variants[i + 1].meanNll, single->variants[1].meanNll);
            QVERIFY(together->variants[i + 1].klMean > 0);
        }
    }

    void quickPathEqualsTheMethod_data() {
        QTest::addColumn<QString>("scheme");
        for (const char* scheme :
             {"int8/symmetric/channel", "int4/affine/group=16", "int4/symmetric/full/channel/half-away",
              "int3/affine/group=20", "int8/tensor", "preset=q4_0", "int4/affine/mse/group=16"}) {
            QTest::newRow(scheme) << scheme;
        }
    }
    void quickPathEqualsTheMethod() {
        QFETCH(QString, scheme);
        const TinyModel model;
        const auto parsed = parseScheme(scheme.toStdString());
        QVERIFY2(parsed.has_value(), parsed ? "" : describe(parsed.error()).c_str());
        const LinearInfo& layer = *model.findLinear("blk.0.ffn_gate");
        const Tensor weight = *model.weight(layer.name);
        const Recipe recipe{"rtn", *parsed, {}};
        const auto quick = applyRecipe(layer, weight, recipe, kernels(), {});
        const auto method = (*methodNamed("rtn"))->quantize({layer.name, weight}, recipe, {});
        QVERIFY(quick.has_value() && method.has_value());
        const Tensor expected = method->floats();
        QVERIFY(std::ranges::equal(quick->values.floats(), expected.floats()));
        QCOMPARE(quick->bitsPerWeight, method->bitsPerWeight());
    }

    /// One block after the other, and again for a block that was dropped: always the capture's numbers.
    void calibrationSeesTheFloatModelsInputs() {
        const TinyModel model;
        const auto tokens = randomTokens(50);
        CaptureRequest request;
        request.window = 16;
        request.layers = {"*"};
        const auto captured = captureActivations(model, tokens, request, kernels(), {});
        QVERIFY(captured.has_value());
        CalibrationOptions options;
        options.tokens = tokens;
        options.window = 16;
        options.maxBytes = 1;  // keeps one block
        Calibration calibration(model, kernels(), options);
        for (int round = 0; round < 2; ++round)
            for (const ChannelStatistics& expected : captured->statistics) {
                const auto seen = calibration.statistics(*model.findLinear(expected.layer), {});
                QVERIFY(seen.has_value());
                QCOMPARE((*seen)->tokens, expected.tokens);
                QCOMPARE((*seen)->absMax, expected.absMax);
                const MatrixView x = captured->inputs.at(expected.layer).matrix();
                QVERIFY(std::ranges::equal((*seen)->sample.floats(),
                                           std::span(x.data, static_cast<size_t>(x.size()))));
                for (size_t j = 0; j < expected.meanSquare.size(); ++j) {
                    const auto diagonal =
                        static_cast<double>((*seen)->hessian[j * (expected.meanSquare.size() + 1)]);
                    QVERIFY(std::abs(diagonal - expected.meanSquare[j]) <= 1e-5 * expected.meanSquare[j]);
                }
            }
        const auto head = calibration.statistics(model.head(), {});
        QVERIFY(!head.has_value() && head.error().kind == ErrorKind::Unsupported);
    }

    void methodsAreVariants() {
        const TinyModel model;
        const auto tokens = randomTokens(80);
        const auto variants = *parseVariants(
            "float; gptq/int4/group=8/act-order; awq/int4/group=8; smoothquant/w8a8; nf4/block=16; wanda; "
            "hadamard/int4/group=8 @act=int8/token; int4/group=8 @*.ffn_down=gptq/int8/channel");
        auto protocol = shortWindows();
        const auto without = evaluate(model, tokens, variants, protocol, kernels(), {});
        QVERIFY(without.has_value());
        for (const size_t calibrated : {1, 2, 3, 5, 7}) {
            const auto& error = without->variants[calibrated].error;
            QVERIFY(error && describe(*error).find("calibration text") != std::string::npos);
        }
        QVERIFY(!without->variants[4].error && !without->variants[6].error);
        CalibrationInput calibration{std::make_shared<const std::vector<int32_t>>(randomTokens(64, 5))};
        calibration.window = 16;
        const auto chunks = evaluate(model, tokens, variants, protocol, kernels(), {}, {}, calibration);
        QVERIFY2(chunks.has_value(), chunks ? "" : describe(chunks.error()).c_str());
        protocol.order = EvaluationOrder::LayerMajor;
        const auto layers = evaluate(model, tokens, variants, protocol, kernels(), {}, {}, calibration);
        QVERIFY(layers.has_value());
        QCOMPARE(difference(*chunks, *layers), std::string());
        for (const VariantScore& score : chunks->variants) QVERIFY(std::isfinite(score.perplexity));
        // Both keep the function but for rounding: 8 bits lose next to nothing.
        QVERIFY(std::abs(chunks->variants[3].deltaNll) < 0.05);
    }

    void sessionEqualsEvaluate() {
        const auto model = std::make_shared<const TinyModel>();
        const auto tokens = randomTokens(80);
        EvaluationSession session(model, kernels());
        for (const char* text :
             {"float; int8/symmetric/channel", "float; int4/symmetric/channel; int8/symmetric/channel",
              "float; int8/symmetric/channel", "int8/symmetric/channel; float"}) {
            const auto variants = *parseVariants(text);
            const auto kept = session.evaluate(tokens, variants, shortWindows(), {});
            const auto fresh = evaluate(*model, tokens, variants, shortWindows(), kernels(), {});
            QVERIFY(kept.has_value() && fresh.has_value());
            QCOMPARE(difference(*kept, *fresh), std::string());
            QVERIFY(kept->complete);
        }
        QVERIFY(session.bytesKept() > 0);
    }

    void sessionResumesAfterStop() {
        const auto model = std::make_shared<const TinyModel>();
        const auto tokens = randomTokens(80);
        const auto variants = *parseVariants("float; int4/symmetric/channel");
        EvaluationSession session(model, kernels());
        std::stop_source stop;
        int estimates = 0;
        const EvaluationSink sink = [&](const EvaluationResult& result) {
            ++estimates;
            if (result.chunksDone == 2) stop.request_stop();
        };
        const auto stopped = session.evaluate(tokens, variants, shortWindows(), Job(stop.get_token()), sink);
        QVERIFY(!stopped.has_value());
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
        QCOMPARE(estimates, 2);
        const auto resumed = session.evaluate(tokens, variants, shortWindows(), {});
        const auto fresh = evaluate(*model, tokens, variants, shortWindows(), kernels(), {});
        QVERIFY(resumed.has_value());
        QCOMPARE(difference(*resumed, *fresh), std::string());
    }

    void windows_data() {
        QTest::addColumn<int>("rule");
        QTest::addColumn<int>("tokens");
        QTest::addColumn<int>("window");
        QTest::addColumn<int>("stride");
        QTest::addColumn<int>("count");   // -1: too short
        QTest::addColumn<int>("scored");  // or the tokens needed
        const int llama = static_cast<int>(WindowRule::LlamaCpp);
        const int gptq = static_cast<int>(WindowRule::GptqPaper);
        const int sliding = static_cast<int>(WindowRule::Sliding);
        QTest::newRow("llama.cpp: 255 of 512") << llama << 1100 << 512 << 0 << 2 << 510;
        QTest::newRow("llama.cpp: needs two windows") << llama << 1023 << 512 << 0 << -1 << 1024;
        QTest::newRow("GPTQ: all but the first") << gptq << 5000 << 2048 << 0 << 2 << 4094;
        QTest::newRow("GPTQ: needs one window") << gptq << 2047 << 2048 << 0 << -1 << 2048;
        QTest::newRow("sliding: every target once") << sliding << 1000 << 512 << 256 << 3 << 999;
        QTest::newRow("sliding: shorter than a window") << sliding << 100 << 512 << 256 << 1 << 99;
        QTest::newRow("sliding: one token") << sliding << 1 << 512 << 256 << -1 << 2;
        QTest::newRow("nothing") << llama << 0 << 512 << 0 << -1 << 1024;
    }
    void windows() {
        QFETCH(int, rule);
        QFETCH(int, tokens);
        QFETCH(int, window);
        QFETCH(int, stride);
        QFETCH(int, count);
        QFETCH(int, scored);
        EvaluationProtocol protocol;
        protocol.rule = static_cast<WindowRule>(rule);
        protocol.window = window;
        protocol.stride = std::max(stride, 1);
        const auto text = cutWindows(randomTokens(static_cast<size_t>(tokens)), protocol, {});
        QCOMPARE(text.has_value(), count >= 0);
        if (!text) {
            QCOMPARE(text.error().kind, ErrorKind::InvalidArgument);
            QVERIFY(text.error().message.find(std::to_string(scored)) != std::string::npos);
            return;
        }
        QCOMPARE(static_cast<int>(text->windows.size()), count);
        QCOMPARE(static_cast<int>(text->scoredTokens()), scored);
        if (protocol.rule == WindowRule::Sliding) {
            std::vector<int> targets(static_cast<size_t>(tokens));
            for (const Window& w : text->windows) {
                for (int64_t i = 0; i < w.scored; ++i)
                    ++targets[static_cast<size_t>(w.begin + w.firstScored + i + 1)];
            }
            QVERIFY(std::all_of(targets.begin() + 1, targets.end(), [](int n) { return n == 1; }));
        }
    }

    void bosTakesTheFirstPlace() {
        EvaluationProtocol protocol = shortWindows();
        const auto text = cutWindows(randomTokens(40), protocol, 5);
        QVERIFY(text.has_value());
        QCOMPARE(text->tokens.size(), size_t{41});  // BOS in front, as llama-perplexity tokenizes
        for (const Window& window : text->windows) QCOMPARE(text->input(window)[0], 5);
        QCOMPARE(text->windows[0].firstScored, int64_t{8});
        QCOMPARE(text->windows[0].scored, int64_t{7});
    }

    void badInput_data() {
        QTest::addColumn<QString>("variants");
        QTest::addColumn<int>("tokens");
        QTest::addColumn<int>("kind");
        const auto invalid = static_cast<int>(ErrorKind::InvalidArgument);
        QTest::newRow("no variants") << "" << 64 << invalid;
        QTest::newRow("text too short") << "float" << 31 << invalid;
        QTest::newRow("static range by token") << "float @act-static=int8/token; float" << 64 << invalid;
        QTest::newRow("the reference fails in its last block")
            << "float @blk.1.ffn_down=gptq/int4/group=16; float; int4/symmetric/channel" << 64 << invalid;
        QTest::newRow("the reference fails in its head")
            << "float @output=gptq/int4/group=16; float; int4/symmetric/channel" << 64 << invalid;
    }
    void badInput() {
        QFETCH(QString, variants);
        QFETCH(int, tokens);
        QFETCH(int, kind);
        const TinyModel model;
        const std::vector<Variant> list =
            variants.isEmpty() ? std::vector<Variant>() : *parseVariants(variants.toStdString());
        const auto result =
            evaluate(model, randomTokens(static_cast<size_t>(tokens)), list, shortWindows(), kernels(), {});
        QVERIFY(!result.has_value());
        QCOMPARE(static_cast<int>(result.error().kind), kind);
    }

    void notANumberInAWeight() {
        TinyModel model;
        Tensor weight = *model.weight("blk.1.attn_v");
        std::vector<float> values(weight.floats().begin(), weight.floats().end());
        values[7] = std::nanf("");
        model.replace("blk.1.attn_v", Tensor::fromFloats(weight.shape(), values));
        const auto result = evaluate(model, randomTokens(64), *parseVariants("float; int8/channel"),
                                     shortWindows(), kernels(), {});
        QVERIFY(result.has_value() && result->variants[1].error);
        QCOMPARE(result->variants[1].error->kind, ErrorKind::InvalidArgument);
        QVERIFY(result->variants[1].error->message.find("blk.1.attn_v") != std::string::npos);
    }

    void oneBadVariantDoesNotCancelTheOthers_data() {
        QTest::addColumn<QString>("bad");
        QTest::addColumn<QString>("says");
        QTest::newRow("cannot run") << "int8/integer"
                                    << "add @act=int8/token";
        QTest::newRow("no static range") << "float @act-static=int8/token"
                                         << "not seen";
        QTest::newRow("embedding") << "float @token_embd=gptq/int4/group=16"
                                   << "calibration";
        QTest::newRow("first block") << "gptq/int4/group=16"
                                     << "blk.0.attn_q";
        QTest::newRow("a leader, deep") << "int4/symmetric/channel @blk.1.ffn_down=gptq/int4/group=16"
                                        << "blk.1.ffn_down";
        QTest::newRow("a leader's head") << "int4/symmetric/channel @output=gptq/int4/group=16"
                                         << "calibration";
        QTest::newRow("ordered inputs") << "gptq/int4/group=16/inputs=quantized"
                                        << "calibration";
    }
    /// It is named in its place, twice if it is there twice; the others' numbers are those of a run without
    /// it, in both orders, also in a session that goes on afterwards.
    void oneBadVariantDoesNotCancelTheOthers() {
        QFETCH(QString, bad);
        QFETCH(QString, says);
        const auto model = std::make_shared<const TinyModel>();
        const auto tokens = randomTokens(80);
        const auto without = *parseVariants(
            "float; int4/symmetric/channel; int4/symmetric/channel @blk.1.*=int3/symmetric/channel; "
            "int8/symmetric/channel @act=int8/token");
        auto with = without;
        const Variant failing = *parseVariant(bad.toStdString());
        with.insert(with.begin() + 1, failing);  // in front of those it leads
        with.push_back(failing);
        for (const auto order : {EvaluationOrder::ChunkMajor, EvaluationOrder::LayerMajor}) {
            const auto plain = evaluate(*model, tokens, without, shortWindows(order), kernels(), {});
            EvaluationSession session(model, kernels());
            const auto first = session.evaluate(tokens, with, shortWindows(order), {});
            const auto again = session.evaluate(tokens, with, shortWindows(order), {});
            for (const auto& result : {first, again}) {
                QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
                QVERIFY(result->complete);
                for (const size_t at : {size_t{1}, with.size() - 1}) {
                    QVERIFY(result->variants[at].error.has_value());
                    const std::string text = describe(*result->variants[at].error);
                    QVERIFY2(text.find(says.toStdString()) != std::string::npos, text.c_str());
                    QCOMPARE(result->variants[at].tokens, int64_t{0});
                    QVERIFY(result->variants[at].chunkNll.empty() && result->tokens[at].empty());
                }
                EvaluationResult others = *result;
                others.variants.erase(others.variants.begin() + 1);
                others.variants.pop_back();
                QCOMPARE(difference(others, *plain), std::string());
            }
            const auto after = session.evaluate(tokens, without, shortWindows(order), {});
            QVERIFY(after.has_value());
            QCOMPARE(difference(*after, *plain), std::string());
        }
    }

    /// A calibration file that cannot be read is the failure of those that need it.
    void unreadableCalibrationFailsItsVariants() {
        const TinyModel model;
        CalibrationInput calibration;
        calibration.file = "nowhere.safetensors";
        const auto result =
            evaluate(model, randomTokens(64), *parseVariants("float; gptq/int4; int8/channel"),
                     shortWindows(), kernels(), {}, {}, calibration);
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        QVERIFY(result->variants[1].error && result->variants[1].error->kind == ErrorKind::NotFound);
        QVERIFY(!result->variants[2].error && result->variants[2].tokens > 0);
    }

    void activations() {
        const TinyModel model;
        const auto tokens = randomTokens(64);
        const auto result = evaluate(model, tokens,
                                     *parseVariants("float; float @act=int16/token; float @act=int8/token; "
                                                    "float @act=int4/token; float @act-static=int8/tensor; "
                                                    "float @act=int8/tensor"),
                                     shortWindows(), kernels(), {});
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        const auto& v = result->variants;
        QVERIFY(v[1].klMean < v[2].klMean);
        QVERIFY(v[2].klMean < v[3].klMean);
        QVERIFY(v[4].klMean > 0 && v[4].klMean < v[3].klMean);
        QVERIFY(v[5].klMean > 0 && v[5].klMean < v[3].klMean);
    }

    void percentiles() {
        std::vector<double> values;
        for (int i = 1000; i >= 0; --i) values.push_back(i);
        const Percentiles p = percentilesOf(values);
        QCOMPARE(p.minimum, 0.0);
        QCOMPARE(p.p01, 1.0);
        QCOMPARE(p.p5, 50.0);
        QCOMPARE(p.median, 500.0);
        QCOMPARE(p.p999, 999.0);
        QCOMPARE(p.maximum, 1000.0);
        QCOMPARE(percentilesOf({1, 2}).p25, 1.25);
    }
};

QTEST_APPLESS_MAIN(TestEvaluation)
#include "test_evaluation.moc"
