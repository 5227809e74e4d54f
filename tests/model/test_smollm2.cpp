// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "golden_file.h"
#include "model/evaluation/evaluation.h"
#include "model/forward/forward.h"

using namespace quantscope;
using namespace quantscope::test;

/// The real model against transformers in float32. Needs ./dev get-model.
class TestSmolLm2 : public QObject {
    Q_OBJECT

 private slots:
    void initTestCase() {
        const std::string path = sourcePath("models/SmolLM2-135M-Instruct.Q4_1.gguf");
        if (!QFile::exists(QString::fromStdString(path))) QSKIP("SmolLM2 is not here (./dev get-model)");
        auto opened = openModel(path);
        QVERIFY2(opened.has_value(), opened ? "" : describe(opened.error()).c_str());
        m_model = *opened;
    }

    void logits() {
        const auto records = readGolden("smollm2_logits.txt");
        const GoldenRecord* tokens = findRecord(records, "tokens");
        QVERIFY(tokens);
        const auto logits = ForwardPass(*m_model, bestKernels()).logits(intsFrom(*tokens, 1));
        QVERIFY2(logits.has_value(), logits ? "" : describe(logits.error()).c_str());
        double largest = 0;
        int compared = 0;
        const auto compare = [&](double position, int64_t index, double expected) {
            const double got = logits->matrix().at(static_cast<int64_t>(position), index);
            largest = std::max(largest, std::fabs(got - expected));
            ++compared;
        };
        for (const GoldenRecord& record : records) {
            if (record.key == "top") {
                for (size_t i = 1; i + 1 < record.values.size(); i += 2) {
                    compare(record.number(0), static_cast<int64_t>(record.number(i)), record.number(i + 1));
                }
            } else if (record.key == "every768") {
                for (size_t i = 1; i < record.values.size(); ++i) {
                    compare(record.number(0), static_cast<int64_t>(i - 1) * 768, record.number(i));
                }
            }
        }
        QVERIFY(compared > 500);
        QVERIFY2(largest <= 2e-3, qPrintable(QString::number(largest)));
        qInfo("largest difference of a logit: %.1e", largest);
    }

    void perplexity() {
        const auto records = readGolden("smollm2_perplexity.txt");
        QVERIFY(findRecord(records, "perplexity"));
        const auto tokenizer = m_model->tokenizer();
        QVERIFY(tokenizer.has_value());
        const auto tokens = (*tokenizer)->encode(readAll(sourcePath("samples/text/held-out.txt")));
        QVERIFY(tokens.has_value());
        QCOMPARE(static_cast<double>(tokens->size()), findRecord(records, "text_tokens")->number(0));
        EvaluationProtocol protocol;
        for (const GoldenRecord& record : records) protocol.maxChunks += record.key == "chunk" ? 1 : 0;
        const auto result = evaluate(*m_model, *tokens, *parseVariants("float"), protocol, bestKernels(), {});
        QVERIFY2(result.has_value(), result ? "" : describe(result.error()).c_str());
        const VariantScore& score = result->variants[0];
        QCOMPARE(static_cast<double>(score.tokens), findRecord(records, "scored_tokens")->number(0));
        const double expected = findRecord(records, "perplexity")->number(0);
        QVERIFY2(std::fabs(score.perplexity / expected - 1) <= 1e-5,
                 qPrintable(QString::number(score.perplexity, 'g', 9)));
    }

 private:
    std::shared_ptr<const Model> m_model;
};

QTEST_APPLESS_MAIN(TestSmolLm2)
#include "test_smollm2.moc"
