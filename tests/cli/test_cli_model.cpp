// SPDX-License-Identifier: Apache-2.0
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "io/checkpoint.h"
#include "program.h"
#include "support/paths.h"

using namespace quantscope;
using test::runProgram;

/// The commands that run a language model, on the sample model.
class TestCliModel : public QObject {
    Q_OBJECT

 private slots:
    void initTestCase() { QVERIFY2(QFile::exists(m_model + "/config.json"), "the committed sample model"); }

    void evalScoresVariantsInLockStep() {
        const auto run = runProgram({"eval", "--model", m_model, "--text", m_text, "--variants",
                                     "float; int8/symmetric/channel; int2/affine/group=64", "--window", "128",
                                     "--chunks", "2", "--json"});
        QCOMPARE(run.err, QByteArray());
        QCOMPARE(run.exitCode, 0);
        const QJsonArray variants = run.json()["variants"].toArray();
        QCOMPARE(variants.size(), 3);
        for (const char* key : {"name", "perplexity", "perplexity_se", "delta_nll", "delta_nll_se", "kl_mean",
                                "top1_agreement", "bits_per_weight", "tokens", "seconds"}) {
            for (const QJsonValue v : variants) QVERIFY2(v.toObject().contains(key), key);
        }
        QCOMPARE(variants[0]["delta_nll"].toDouble(-1), 0.0);
        QCOMPARE(variants[0]["kl_mean"].toDouble(-1), 0.0);
        QCOMPARE(variants[0]["top1_agreement"].toDouble(), 1.0);
        QVERIFY(variants[0]["perplexity"].toDouble() > 1);
        QVERIFY(variants[2]["kl_mean"].toDouble() > variants[1]["kl_mean"].toDouble());
        QVERIFY(variants[1]["tokens"].toInt() > 0);
        QCOMPARE(variants[1]["tokens"], variants[2]["tokens"]);
    }

    void evalReadsVariantsFromAFileAndRanksThem() {
        QFile list(m_folder.filePath("variants.txt"));
        QVERIFY(list.open(QIODevice::WriteOnly));
        list.write("# what is compared\nfloat\n\nint2/affine/group=64\n  int8/channel \r\n");
        list.close();
        const QStringList arguments = {
            "eval",     "--model", m_model,    "--text", m_text,   "--variants", "@" + list.fileName(),
            "--window", "64",      "--chunks", "1",      "--sort", "kl"};
        const auto json = runProgram(arguments + QStringList{"--json"});
        QCOMPARE(json.err, QByteArray());
        const QJsonArray variants = json.json()["variants"].toArray();
        QCOMPARE(variants.size(), 3);
        QCOMPARE(variants[0]["scheme"].toString(), QString("float"));
        QVERIFY(variants[1]["scheme"].toString().startsWith("int8"));
        QVERIFY(variants[2]["scheme"].toString().startsWith("int2"));
        const auto markdown = runProgram(arguments + QStringList{"--markdown"});
        QCOMPARE(markdown.exitCode, 0);
        QVERIFY(markdown.out.contains("| --- | ---: |"));
        QCOMPARE(markdown.out.count("\n| int"), 2);

        QVERIFY(list.open(QIODevice::WriteOnly));
        list.write("float\nint99\n");
        list.close();
        const auto wrong = runProgram(arguments);
        QCOMPARE(wrong.exitCode, 2);
        QVERIFY(wrong.err.contains("variants.txt") && wrong.err.contains("99 bits"));
        QCOMPARE(
            runProgram({"eval", "--model", m_model, "--text", m_text, "--variants", "@nowhere.txt"}).exitCode,
            2);
    }

    void exportedFoldersOpenAndTheDoctorReadsThem() {
        const QString folder = m_folder.filePath("gptq");
        const QString variant = "int4/affine/group=32";
        const auto written =
            runProgram({"export", m_model, "--variant", variant, "--layout", "gptq", "-o", folder, "--json"});
        QCOMPARE(written.err, QByteArray());
        QCOMPARE(written.exitCode, 0);
        QCOMPARE(written.json()["layout"].toString(), QString("gptq"));
        QVERIFY(written.json()["quantized"].toInt() > 0);
        QVERIFY(written.json()["output_bytes"].toDouble() < written.json()["source_bytes"].toDouble());

        const auto doctor = runProgram({"doctor", folder, "--json"});
        QCOMPARE(doctor.exitCode, 0);
        QCOMPARE(doctor.json()["healthy"].toBool(), true);

        // Scales are stored in half precision: the same perplexity to three digits.
        const auto score = [&](const QString& model, const QString& text) {
            const auto run = runProgram({"eval", "--model", model, "--text", m_text, "--variants", text,
                                         "--window", "128", "--chunks", "2", "--json"});
            const QJsonArray variants = run.json()["variants"].toArray();
            return variants.isEmpty() ? -1.0 : variants.last()["perplexity"].toDouble();
        };
        const double here = score(m_model, "float; " + variant);
        const double there = score(folder, "float");
        QVERIFY(here > 1);
        QVERIFY2(std::abs(there - here) < 2e-3 * here, qPrintable(QString("%1 %2").arg(here).arg(there)));

        // Declared as the other form of zero points, the file contradicts itself.
        QFile config(folder + "/config.json");
        QVERIFY(config.open(QIODevice::ReadOnly));
        QByteArray text = config.readAll();
        config.close();
        QVERIFY(text.contains("\"gptq\""));
        text.replace("\"checkpoint_format\": \"gptq\"", "\"checkpoint_format\": \"gptq_v2\"");
        QVERIFY(config.open(QIODevice::WriteOnly));
        config.write(text);
        config.close();
        const auto ill = runProgram({"doctor", folder});
        QCOMPARE(ill.exitCode, 3);
        QVERIFY(ill.out.contains("zero point"));
    }

    /// Layers calibrated after those before them were quantized: the file scores as the variant does.
    void exportsKeepTheOrderOfInputs() {
        const auto score = [&](const QString& model, const QString& text) {
            const auto run = runProgram({"eval", "--model", model, "--text", m_text, "--variants",
                                         "float; " + text, "--window", "128", "--chunks", "2",
                                         "--calibration", m_text, "--calibration-chunks", "2", "--json"});
            const QJsonArray variants = run.json()["variants"].toArray();
            return variants.isEmpty() ? -1.0 : variants.last()["perplexity"].toDouble();
        };
        const QString base = "gptq/int3/affine/group=32/f16-scale";
        const double free = score(m_model, base + "/inputs=float");
        QCOMPARE(score(m_model, base), score(m_model, base + "/inputs=quantized"));
        for (const QString order : {"quantized", "true-sequential"}) {
            const QString variant = base + "/inputs=" + order;
            const QString folder = m_folder.filePath("ordered-" + order);
            const auto written =
                runProgram({"export", m_model, "--variant", variant, "--layout", "gptq-v2", "-o", folder,
                            "--calibration", m_text, "--calibration-chunks", "2"});
            QVERIFY2(written.exitCode == 0, written.err.constData());
            const double here = score(m_model, variant);
            QVERIFY(here > 1 && std::abs(here - free) > 1e-3 * here);
            const double there = score(folder, "float");
            QVERIFY2(std::abs(there - here) < 1e-4 * here, qPrintable(QString("%1 %2").arg(here).arg(there)));
        }
    }

    void exportErrorsLeaveNothing() {
        const QString folder = m_folder.filePath("never");
        const auto run = [&](const QString& model, const QString& variant, const QString& layout) {
            return runProgram({"export", model, "--variant", variant, "--layout", layout, "-o", folder});
        };
        QCOMPARE(run(m_model, "int4/group=32", "papyrus").exitCode, 2);
        QCOMPARE(run(m_model, "int5/affine/group=32", "gptq").exitCode, 2);
        QCOMPARE(run(m_model, "gptq/int4/group=32", "gptq").exitCode, 2);  // needs a calibration text
        QCOMPARE(run("nowhere", "int4/group=32", "gptq").exitCode, 3);
        QVERIFY(!QFile::exists(folder));
        QCOMPARE(runProgram({"doctor", "nowhere"}).exitCode, 3);
    }

    void evalRefusesShortText() {
        QFile text(m_folder.filePath("short.txt"));
        QVERIFY(text.open(QIODevice::WriteOnly));
        text.write("Too short.");
        text.close();
        const auto run =
            runProgram({"eval", "--model", m_model, "--text", text.fileName(), "--variants", "float"});
        QCOMPARE(run.exitCode, 3);
        QCOMPARE(run.out, QByteArray());
        QVERIFY(!run.err.isEmpty());
    }

    /// As in compare: the error stands in the variant's row, the others' numbers beside it, the exit says so.
    void evalNamesTheVariantThatFails() {
        const auto run = [&](const char* variants, const char* form) {
            return runProgram({"eval", "--model", m_model, "--text", m_text, "--variants", variants,
                               "--window", "64", "--chunks", "1", "--sort", "kl", form});
        };
        const auto both = run("float; gptq/int4; int8/channel", "--json");
        QCOMPARE(both.exitCode, 3);
        QVERIFY2(both.err.contains("--calibration"), both.err.constData());
        const QJsonArray variants = both.json()["variants"].toArray();
        QCOMPARE(variants.size(), 3);
        QVERIFY(variants[2]["error"].toString().contains("calibration text"));
        QVERIFY(variants[2]["scheme"].toString().startsWith("gptq"));
        QVERIFY(!variants[2].toObject().contains("perplexity"));
        const auto alone = run("float; int8/channel", "--json");
        QCOMPARE(alone.exitCode, 0);
        QCOMPARE(variants[1]["kl_mean"], alone.json()["variants"][1]["kl_mean"]);
        const auto text = run("float; gptq/int4; int8/channel", "--markdown");
        QCOMPARE(text.exitCode, 3);
        QVERIFY(text.out.contains("calibration text") && text.out.contains("| int8"));
    }

    void generateComparesWhatVariantsWrite() {
        const QStringList arguments = {"generate",
                                       "--model",
                                       m_model,
                                       "--prompt",
                                       "And it came to pass",
                                       "--variants",
                                       "float; float; int2/tensor",
                                       "--tokens",
                                       "12"};
        const auto run = runProgram(arguments + QStringList{"--json"});
        QVERIFY2(run.exitCode == 0, run.err.constData());
        const QJsonArray variants = run.json()["variants"].toArray();
        QCOMPARE(variants.size(), 3);
        QCOMPARE(variants[1]["common_tokens"].toInt(), 12);
        QCOMPARE(variants[1]["text"], variants[0]["text"]);
        QVERIFY(variants[2]["common_tokens"].toInt() < 12);
        QVERIFY(variants[0]["tokens_per_second"].toDouble() > 0);
        const auto text = runProgram(arguments);
        QVERIFY(text.out.contains("And it came to pass" + variants[0]["text"].toString().toUtf8()));
        QCOMPARE(runProgram({"generate", "--model", m_model, "--variants", "int4/full/and"}).exitCode, 2);
    }

    void layersListsEveryLinearLayer() {
        const auto run = runProgram(
            {"layers", "--model", m_model, "--text", m_text, "--scheme", "int4", "--tokens", "64", "--json"});
        QVERIFY2(run.exitCode == 0, run.err.constData());
        const QJsonArray layers = run.json()["layers"].toArray();
        QVERIFY(!layers.isEmpty());
        QCOMPARE(layers.size() % 7, 0);
        QCOMPARE(layers[0]["name"].toString(), QString("blk.0.attn_q"));
        for (const QJsonValue layer : layers) QVERIFY(layer["local_error"].toDouble() > 0);
    }

    /// Of an affine grid and of GPTQ on the same one: smaller output error, for a larger one of the weight.
    void layersCalibrates() {
        const auto run = [&](const QString& scheme) {
            return runProgram({"layers", "--model", m_model, "--text", m_text, "--scheme", scheme, "--tokens",
                               "256", "--calibration", m_text, "--calibration-chunks", "2", "--json"});
        };
        const auto plain = run("int3/affine/group=32");
        const auto learned = run("gptq/int3/affine/group=32/inputs=float");
        QVERIFY2(learned.exitCode == 0, learned.err.constData());
        double weight[2] = {0, 0};
        double output[2] = {0, 0};
        for (const int i : {0, 1})
            for (const QJsonValue layer : (i == 0 ? plain : learned).json()["layers"].toArray()) {
                weight[i] += layer["weight_error"].toDouble();
                output[i] += layer["local_error"].toDouble();
            }
        QVERIFY(weight[1] > weight[0] && weight[0] > 0);
        QVERIFY(output[1] < 0.9 * output[0] && output[1] > 0);
        QCOMPARE(
            runProgram({"layers", "--model", m_model, "--text", m_text, "--scheme", "gptq/int3"}).exitCode,
            3);
    }

    void captureWritesInputs() {
        const QString target = m_folder.filePath("inputs.safetensors");
        const auto run = runProgram({"capture", "--model", m_model, "--text", m_text, "--tokens", "64",
                                     "--layer", "blk.0.ffn_down", "-o", target, "--json"});
        QVERIFY2(run.exitCode == 0, run.err.constData());
        QVERIFY(!run.json()["layers"].toArray().isEmpty());
        const auto opened = openCheckpoint(target.toStdString());
        QVERIFY(opened);
        QCOMPARE((*opened)->find("blk.0.ffn_down")->shape[0], int64_t{64});
    }

    void quantizedFolderScoresAsTheSchemeDoes() {
        // Values written as F32 and scored as float give what the variant gives on the fly.
        const QString folder = m_folder.filePath("model");
        QVERIFY(QDir().mkpath(folder));
        for (const QString& name : QDir(m_model).entryList({"*.json"}, QDir::Files))
            QVERIFY(QFile::copy(m_model + "/" + name, folder + "/" + name));
        const auto written = runProgram({"quantize", m_model, "--scheme", "int4/affine/group=64",
                                         "--dequantize", "F32", "-o", folder + "/model.safetensors"});
        QVERIFY2(written.exitCode == 0, written.err.constData());
        const QStringList common = {"--text", m_text, "--window", "128", "--chunks", "2", "--json"};
        const auto there = runProgram(QStringList{"eval", "--model", folder, "--variants", "float"} + common);
        const auto here = runProgram(
            QStringList{"eval", "--model", m_model, "--variants", "int4/affine/group=64"} + common);
        QVERIFY2(there.exitCode == 0, there.err.constData());
        QCOMPARE(there.json()["variants"][0]["mean_nll"].toDouble(),
                 here.json()["variants"][0]["mean_nll"].toDouble());
    }

 private:
    const QString m_model = QString::fromStdString(test::sourcePath("samples/tiny-llama"));
    const QString m_text = QString::fromStdString(test::sourcePath("samples/text/held-out.txt"));
    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(TestCliModel)
#include "test_cli_model.moc"
