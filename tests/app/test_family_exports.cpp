// SPDX-License-Identifier: Apache-2.0
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "app/export/export_model.h"
#include "base/atomic_file.h"
#include "base/cpu_features.h"
#include "methods/interface/variant_text.h"
#include "model/evaluation/evaluation.h"
#include "support/paths.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

std::string familyPath(const QString& name) {
    return sourcePath("tests/golden/model/families/" + name.toStdString());
}

}  // namespace

/// Models with biases and head norms, exported and opened again: they score as the variant did.
class TestFamilyExports : public QObject {
    Q_OBJECT

 private slots:
    void exportsScoreAsTheVariant_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("layout");
        QTest::addColumn<QString>("variant");
        const auto row = [](const char* source, const char* layout, const char* variant) {
            QTest::addRow("%s, %s, %s", source, layout, variant)
                << QString(source) << QString(layout) << QString(variant);
        };
        for (const char* source :
             {"qwen2", "qwen3", "llama_bias", "qwen2.gguf", "qwen3.gguf", "llama_bias.gguf"}) {
            row(source, "gptq", "gptq/int4/group=16/f16-scale/inputs=float");
            row(source, "gguf", "preset=q8_0");
        }
        // Scales folded into the rows of attn_v and ffn_up take their biases along.
        row("llama_bias", "awq",
            "awq/int4/affine/group=16/f16-scale/inputs=float "
            "@*.attn_output=int4/affine/group=16/f16-scale");
        row("qwen2", "awq", "awq/int4/affine/group=16/f16-scale/inputs=float");
        row("qwen3", "compressed-tensors", "int8/channel");
        row("qwen2", "bitsandbytes", "nf4/block=32");
    }
    void exportsScoreAsTheVariant() {
        QFETCH(const QString, source);
        QFETCH(const QString, layout);
        QFETCH(const QString, variant);
        const auto parsed = parseVariant(variant.toStdString());
        QVERIFY2(parsed, parsed ? "" : describe(parsed.error()).c_str());
        SourceLibrary sources{kernels()};
        const std::string text = sourcePath("samples/text/held-out.txt");
        const QString target =
            m_folder.filePath(QString::number(m_next++) + (layout == "gguf" ? ".gguf" : ""));
        const LanguageModelExport request{familyPath(source),   *parsed, layout.toStdString(),
                                          target.toStdString(), text,    1};
        const auto summary = exportLanguageModel(request, sources, kernels());
        QVERIFY2(summary, summary ? "" : describe(summary.error()).c_str());
        const auto tokens = sources.tokens({familyPath(source), text});
        QVERIFY2(tokens, tokens ? "" : describe(tokens.error()).c_str());
        CalibrationInput calibration;
        calibration.text = *tokens;
        calibration.chunks = 1;
        const auto before = scoreOf(sources, familyPath(source), **tokens, *parsed, calibration);
        const auto written = sources.tokens({target.toStdString(), text});
        QVERIFY2(written, written ? "" : describe(written.error()).c_str());
        QVERIFY(**written == **tokens);
        const auto after = scoreOf(sources, target.toStdString(), **written, *parseVariant("float"), {});
        QVERIFY2(before, before ? "" : describe(before.error()).c_str());
        QVERIFY2(after, after ? "" : describe(after.error()).c_str());
        QVERIFY2(std::abs(*before - *after) < 5e-4,
                 qPrintable(QString("%1 and %2").arg(*before, 0, 'g', 9).arg(*after, 0, 'g', 9)));
    }

 private:
    static const KernelTable& kernels() { return **chooseKernels(detectCpuFeatures()); }

    static Result<double> scoreOf(SourceLibrary& sources, const std::string& path,
                                  const std::vector<int32_t>& tokens, const Variant& variant,
                                  const CalibrationInput& calibration) {
        const auto model = sources.model(path);
        if (!model) return fail(model.error());
        EvaluationProtocol protocol;
        protocol.maxChunks = 2;
        const auto result = evaluate(**model, tokens, {variant}, protocol, kernels(), {}, {}, calibration);
        if (!result) return fail(result.error());
        return result->variants[0].meanNll;
    }

    QTemporaryDir m_folder;
    int m_next = 0;
};

QTEST_APPLESS_MAIN(TestFamilyExports)
#include "test_family_exports.moc"
