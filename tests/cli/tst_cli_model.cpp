// SPDX-License-Identifier: Apache-2.0
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QTemporaryDir>
#include <QTest>

#include "io/checkpoint.h"
#include "program.h"

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
    const QString m_model = QUANTSCOPE_SOURCE_DIR "/samples/tiny-llama";
    const QString m_text = QUANTSCOPE_SOURCE_DIR "/samples/text/held-out.txt";
    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(TestCliModel)
#include "tst_cli_model.moc"
