// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <algorithm>
#include <cmath>
#include <map>

#include "golden_file.h"
#include "model/forward/generation.h"
#include "tiny_model.h"

using namespace quantscope;
using namespace quantscope::test;

class TestGeneration : public QObject {
    Q_OBJECT

 private slots:
    /// The likeliest token each time: what transformers writes, in float and, for these 48, in integers.
    void writesWhatTransformersWrites_data() {
        QTest::addColumn<QString>("kernels");
        QTest::addColumn<QString>("variant");
        for (const KernelTable* table : kernelTables()) {
            if (!chooseKernels(detectCpuFeatures(), table->name) || table->name == "reference") continue;
            const QByteArray name(table->name.data(), static_cast<qsizetype>(table->name.size()));
            QTest::addRow("%s float", name.constData()) << QString(name) << "float";
            QTest::addRow("%s W8A8", name.constData()) << QString(name) << "w8a8/token";
        }
    }
    void writesWhatTransformersWrites() {
        QFETCH(QString, kernels);
        QFETCH(QString, variant);
        const auto records = readGolden("sample_generation.txt");
        const GoldenRecord* promptRecord = findRecord(records, "prompt");
        const GoldenRecord* writtenRecord = findRecord(records, "written");
        const auto model = openModel(sourcePath("samples/tiny-llama"));
        QVERIFY2(promptRecord && writtenRecord && model, "the committed sample model and its golden");
        const std::vector<int32_t> prompt = intsFrom(*promptRecord, 0);
        const std::vector<int32_t> expected = intsFrom(*writtenRecord, 0);
        const KernelTable& table = **chooseKernels(detectCpuFeatures(), kernels.toStdString());
        const auto count = static_cast<int64_t>(expected.size());
        auto runner = ContextRunner::open(*model, *parseVariant(variant.toStdString()),
                                          static_cast<int64_t>(prompt.size()) + count, prompt, table);
        QVERIFY2(runner.has_value(), runner ? "" : describe(runner.error()).c_str());
        const auto written = generate(*runner, prompt, {.tokens = count}, table);
        QVERIFY2(written.has_value(), written ? "" : describe(written.error()).c_str());
        QCOMPARE(commonLength(written->tokens, expected), count);
        QCOMPARE(static_cast<int64_t>(written->tokens.size()), count);
    }

    /// Drawn often, tokens come as often as softmax(z / temperature) says.
    void samplesFromTheSoftmax() {
        const auto model = std::make_shared<const TinyModel>();
        const KernelTable& table = bestKernels();
        const std::vector<int32_t> prompt = randomTokens(5);
        auto runner = ContextRunner::open(model, *parseVariant("float"), 6, prompt, table);
        QVERIFY(runner.has_value() && runner->read(prompt));
        const std::vector<float> logits = *runner->logits();
        constexpr double kTemperature = 0.7;
        constexpr int kDraws = 2000;
        double total = 0;
        for (const float z : logits) total += std::exp(static_cast<double>(z) / kTemperature);
        std::map<int32_t, int> seen;
        for (uint64_t seed = 0; seed < kDraws; ++seed) {
            const auto written =
                generate(*runner, prompt, {.tokens = 1, .temperature = kTemperature, .seed = seed}, table);
            QVERIFY(written.has_value());
            ++seen[written->tokens.at(0)];
        }
        for (size_t i = 0; i < logits.size(); ++i) {
            const double share = std::exp(static_cast<double>(logits[i]) / kTemperature) / total;
            const double sigma = std::sqrt(share * (1 - share) / kDraws);
            const double got = static_cast<double>(seen[static_cast<int32_t>(i)]) / kDraws;
            QVERIFY2(std::abs(got - share) < 5 * sigma + 1e-3,
                     qPrintable(QString("token %1: %2, not %3").arg(i).arg(got).arg(share)));
        }
    }

    void stopsAtTheEndOfText() {
        const auto model = std::make_shared<const TinyModel>();
        const KernelTable& table = bestKernels();
        const std::vector<int32_t> prompt = randomTokens(5);
        auto runner = ContextRunner::open(model, *parseVariant("float"), 15, prompt, table);
        const auto all = generate(*runner, prompt, {.tokens = 10}, table);
        QVERIFY(all.has_value() && all->tokens.size() == 10);
        const int32_t last = all->tokens[6];
        const auto first = std::ranges::find(all->tokens, last) - all->tokens.begin();
        const auto stopped = generate(*runner, prompt, {.tokens = 10, .endOfText = last}, table);
        QVERIFY(stopped.has_value());
        QCOMPARE(static_cast<std::ptrdiff_t>(stopped->tokens.size()), first);
        QCOMPARE(commonLength(stopped->tokens, all->tokens), static_cast<int64_t>(first));
    }

    void errors() {
        const auto model = std::make_shared<const TinyModel>();
        const KernelTable& table = bestKernels();
        const std::vector<int32_t> prompt = randomTokens(5);
        auto runner = ContextRunner::open(model, *parseVariant("float"), 8, prompt, table);
        const auto kindOf = [&](std::span<const int32_t> tokens, const GenerationOptions& options) {
            const auto result = generate(*runner, tokens, options, table);
            return result ? ErrorKind::Internal : result.error().kind;
        };
        QCOMPARE(kindOf({}, {.tokens = 2}), ErrorKind::InvalidArgument);
        QCOMPARE(kindOf(prompt, {.tokens = 0}), ErrorKind::InvalidArgument);
        QCOMPARE(kindOf(prompt, {.tokens = 9}), ErrorKind::InvalidArgument);  // no room
        QCOMPARE(kindOf(prompt, {.tokens = 2, .temperature = -1}), ErrorKind::InvalidArgument);
        QCOMPARE(kindOf(prompt, {.tokens = 2, .temperature = NAN}), ErrorKind::InvalidArgument);
        std::stop_source stop;
        stop.request_stop();
        const auto result = generate(*runner, prompt, {.tokens = 2}, table, Job(stop.get_token()));
        QVERIFY(!result.has_value());
        QCOMPARE(result.error().kind, ErrorKind::Cancelled);
    }
};

QTEST_APPLESS_MAIN(TestGeneration)
#include "test_generation.moc"
