// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "golden_file.h"
#include "model/calibration/capture.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/layer_error.h"
#include "model/forward/forward.h"
#include "tiny_model.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

double largestDifference(const Tensor& logits, const Rows& expected) {
    double largest = 0;
    for (size_t t = 0; t < expected.size(); ++t) {
        for (size_t i = 0; i < expected[t].size(); ++i) {
            const double got = logits.matrix().at(static_cast<int64_t>(t), static_cast<int64_t>(i));
            largest = std::max(largest, std::fabs(got - expected[t][i]));
        }
    }
    return largest;
}

const KernelTable* tableNamed(const QString& name) {
    for (const KernelTable* table : kernelTables()) {
        if (table->name == name.toStdString()) return table;
    }
    return nullptr;
}

}  // namespace

class TestForward : public QObject {
    Q_OBJECT

 private slots:
    void agreesWithPlainForm_data() {
        QTest::addColumn<QString>("kernels");
        QTest::addColumn<bool>("tied");
        QTest::addColumn<bool>("pairs");
        QTest::addColumn<int>("tokens");
        for (const KernelTable* table : kernelTables()) {
            if (!chooseKernels(detectCpuFeatures(), table->name)) continue;
            const QString name =
                QString::fromUtf8(table->name.data(), static_cast<qsizetype>(table->name.size()));
            QTest::addRow("%s, halves", qPrintable(name)) << name << false << false << 19;
            QTest::addRow("%s, pairs, tied", qPrintable(name)) << name << true << true << 19;
            QTest::addRow("%s, one token", qPrintable(name)) << name << false << false << 1;
            QTest::addRow("%s, more than one tile of queries", qPrintable(name))
                << name << false << true << 131;
        }
    }
    void agreesWithPlainForm() {
        QFETCH(QString, kernels);
        QFETCH(bool, tied);
        QFETCH(bool, pairs);
        QFETCH(int, tokens);
        const TinyModel model(tied, pairs ? RotaryLayout::Pairs : RotaryLayout::Halves);
        const auto ids = randomTokens(static_cast<size_t>(tokens));
        const auto logits = ForwardPass(model, *tableNamed(kernels)).logits(ids);
        QVERIFY2(logits.has_value(), logits ? "" : describe(logits.error()).c_str());
        const double difference = largestDifference(*logits, PlainForward(model).logits(ids));
        QVERIFY2(difference <= 2e-4, qPrintable(QString::number(difference)));
    }

    void tapsSeeEveryLinear() {
        const TinyModel model;
        std::vector<std::string> names;
        const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
            if (point == TapPoint::Input) names.push_back(layer.name);
            const int64_t width = point == TapPoint::Input ? layer.inFeatures : layer.outFeatures;
            if (values.rows != 11 || values.cols != width) names.push_back("wrong shape at " + layer.name);
        };
        const auto ids = randomTokens(11);
        QVERIFY(ForwardPass(model, bestKernels()).logits(ids, {}, tap).has_value());
        std::vector<std::string> expected;
        for (const LinearInfo& layer : model.linears()) expected.push_back(layer.name);
        QCOMPARE(names, expected);
    }

    void badInput() {
        TinyModel model;
        const ForwardPass pass(model, bestKernels());
        const std::vector<int32_t> none;
        const std::vector<int32_t> outside = {1, 97};
        const std::vector<int32_t> negative = {-1};
        QCOMPARE(pass.logits(none).error().kind, ErrorKind::InvalidArgument);
        QCOMPARE(pass.logits(outside).error().kind, ErrorKind::InvalidArgument);
        QCOMPARE(pass.logits(negative).error().kind, ErrorKind::InvalidArgument);
        std::stop_source stop;
        stop.request_stop();
        const std::vector<int32_t> fine = {1, 2};
        QCOMPARE(pass.logits(fine, Job(stop.get_token())).error().kind, ErrorKind::Cancelled);
        model.setSlidingWindow(4);
        QCOMPARE(pass.logits(randomTokens(5)).error().kind, ErrorKind::Unsupported);
        QVERIFY(pass.logits(randomTokens(4)).has_value());
    }

    void captureIsWhatTapsSee() {
        const TinyModel model;
        const auto ids = randomTokens(20);
        CaptureRequest request;
        request.layers = {"*.ffn_down", "blk.1.attn_k"};
        request.window = 8;  // 8, 8, 4
        request.outlierThreshold = 0.5F;
        const auto capture = captureActivations(model, ids, request, bestKernels(), {});
        QVERIFY2(capture.has_value(), capture ? "" : describe(capture.error()).c_str());
        QCOMPARE(capture->inputs.size(), size_t{3});
        QCOMPARE(capture->statistics.size(), size_t{14});
        const Tensor& down = capture->inputs.at("blk.0.ffn_down");
        QCOMPARE(down.shape(), (Shape{20, 48}));
        const auto found =
            std::ranges::find(capture->statistics, std::string("blk.0.ffn_down"), &ChannelStatistics::layer);
        for (int64_t col = 0; col < 48; ++col) {
            float absMax = 0;
            double squares = 0;
            int64_t outliers = 0;
            for (int64_t row = 0; row < 20; ++row) {
                const float value = down.matrix().at(row, col);
                absMax = std::max(absMax, std::fabs(value));
                squares += static_cast<double>(value) * value / 20;
                outliers += std::fabs(value) >= 0.5F ? 1 : 0;
            }
            const auto c = static_cast<size_t>(col);
            QCOMPARE(found->absMax[c], absMax);
            QVERIFY(std::fabs(found->meanSquare[c] - squares) <= 1e-9 * (1 + squares));
            QCOMPARE(found->outlierTokens[c], outliers);
        }
        request.maxBytes = 100;
        QCOMPARE(captureActivations(model, ids, request, bestKernels(), {}).error().kind,
                 ErrorKind::InvalidArgument);
    }

    void layerErrors() {
        const TinyModel model;
        const auto ids = randomTokens(24);
        const auto plain = measureLayerErrors(model, ids, *parseVariant("float"), 12, bestKernels(), {});
        QVERIFY2(plain.has_value(), plain ? "" : describe(plain.error()).c_str());
        for (const LayerError& error : *plain) {
            QCOMPARE(error.weightError, 0.0);
            QCOMPARE(error.localError, 0.0);
            QCOMPARE(error.accumulatedError, 0.0);
        }
        const auto coarse =
            measureLayerErrors(model, ids, *parseVariant("int4/symmetric/channel"), 12, bestKernels(), {});
        QVERIFY(coarse.has_value());
        QCOMPARE(coarse->size(), size_t{14});
        // The first layer sees the float run's own input: local and accumulated error are the same number.
        QCOMPARE(coarse->front().inputError, 0.0);
        QVERIFY(coarse->front().localError > 0.01);
        QCOMPARE(coarse->front().accumulatedError, coarse->front().localError);
        QVERIFY(coarse->back().inputError > 0);
        QVERIFY(coarse->back().accumulatedError > coarse->back().localError);
    }

    void sampleModel() {
        const auto records = readGolden("sample_logits.txt");
        const GoldenRecord* tokens = findRecord(records, "tokens");
        const auto model = openModel(sourcePath("samples/tiny-llama"));
        QVERIFY2(tokens && model, "the committed sample model and its goldens");
        const auto ids = intsFrom(*tokens, 1);
        const auto logits = ForwardPass(**model, bestKernels()).logits(ids);
        QVERIFY2(logits.has_value(), logits ? "" : describe(logits.error()).c_str());
        double largest = 0;
        for (const GoldenRecord& record : records) {
            if (record.key != "logits") continue;
            const auto position = static_cast<int64_t>(record.number(0));
            for (size_t i = 1; i < record.values.size(); ++i) {
                const double got = logits->matrix().at(position, static_cast<int64_t>(i) - 1);
                largest = std::max(largest, std::fabs(got - record.number(i)));
            }
        }
        QVERIFY2(largest <= 1e-3, qPrintable(QString::number(largest)));
    }

    void samplePerplexity() {
        const auto records = readGolden("sample_perplexity.txt");
        const GoldenRecord* expected = findRecord(records, "perplexity");
        const auto model = openModel(sourcePath("samples/tiny-llama"));
        QVERIFY2(expected && model, "the committed sample model and its goldens");
        const auto tokens =
            (*(*model)->tokenizer())->encode(readAll(sourcePath("samples/text/held-out.txt")));
        QVERIFY(tokens.has_value());
        EvaluationProtocol protocol;
        protocol.maxChunks = static_cast<int>(std::ranges::count(records, "chunk", &GoldenRecord::key));
        const auto result = evaluate(**model, *tokens, *parseVariants("float"), protocol, bestKernels(), {});
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        const double perplexity = result->variants[0].perplexity;
        QVERIFY2(std::fabs(perplexity / expected->number(0) - 1) <= 1e-5,
                 qPrintable(QString::number(perplexity, 'g', 9)));
    }
};

QTEST_APPLESS_MAIN(TestForward)
#include "test_forward.moc"
