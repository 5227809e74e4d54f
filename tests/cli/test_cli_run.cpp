// SPDX-License-Identifier: Apache-2.0
#include <QFile>
#include <QJsonArray>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "program.h"
#include "support/paths.h"

using namespace quantscope;
using test::runProgram;

namespace {

/// How long something took differs from run to run.
QJsonValue withoutSeconds(const QJsonValue& value) {
    if (value.isArray()) {
        QJsonArray all;
        for (const QJsonValue element : value.toArray()) all.append(withoutSeconds(element));
        return all;
    }
    if (!value.isObject()) return value;
    QJsonObject all;
    const QJsonObject object = value.toObject();
    for (auto it = object.begin(); it != object.end(); ++it)
        if (it.key() != QStringLiteral("seconds")) all.insert(it.key(), withoutSeconds(it.value()));
    return all;
}

}  // namespace

/// `run` on files that other commands and hands wrote.
class TestCliRun : public QObject {
    Q_OBJECT

 private slots:
    void runPrintsWhatTheCommandPrinted_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("section");
        const QStringList model = {"--model", m_model, "--text", m_text};
        QTest::newRow("eval") << QStringList{"eval"} + model +
                                     QStringList{"--variants",
                                                 "float; int4/affine/group=64; wanda",
                                                 "--chunks",
                                                 "2",
                                                 "--window",
                                                 "128",
                                                 "--protocol",
                                                 "gptq",
                                                 "--calibration",
                                                 m_text,
                                                 "--calibration-chunks",
                                                 "1"}
                              << "model";
        QTest::newRow("layers") << QStringList{"layers"} + model +
                                       QStringList{"--scheme", "int4/affine/group=64",
                                                   "--tokens", "64",
                                                   "--window", "32"}
                                << "layers";
        QTest::newRow("compare") << QStringList{"compare",    m_model,
                                                "--tensor",   "model.layers.2.mlp.down_proj.weight",
                                                "--variants", "float; int8; int4/affine/group=64"}
                                 << "tensor";
    }
    void runPrintsWhatTheCommandPrinted() {
        QFETCH(QStringList, arguments);
        QFETCH(QString, section);
        const QString file = m_folder.filePath("written.json");
        QFile::remove(file);
        const auto own = runProgram(arguments + QStringList{"--json", "--write-experiment", file});
        QCOMPARE(own.err, QByteArray());
        QCOMPARE(own.exitCode, 0);
        const auto run = runProgram({"run", file, "--json"});
        QCOMPARE(run.err, QByteArray());
        QCOMPARE(run.exitCode, 0);
        QCOMPARE(run.json().keys(), QStringList{section});
        QVERIFY(!own.json().isEmpty());
        QCOMPARE(withoutSeconds(run.json()[section]), withoutSeconds(own.json()));
        const auto text = runProgram({"run", file});
        QCOMPARE(text.exitCode, 0);
        QVERIFY(text.out.startsWith(section.toUtf8() + "\n"));
        QVERIFY(text.out.contains("int4"));
    }

    /// One product fails: its reason stands in its place, the others stand, and the exit code says so.
    void productsArePrinted() {
        const QString examples = QString::fromStdString(test::sourcePath("samples/worked-examples/"));
        const QString file = write(QStringLiteral(R"({"quantscope":1,"variants":["float"],"matmul":{
                "x":{"path":"%1int8-product-x.npy","tensor":"int8-product-x"},
                "w":{"path":"%1int8-product-w.npy","tensor":"int8-product-w"},"inputsByOutputs":true,
                "products":["float","int8/channel @act=int8/token","int8/input-channel @act=int8/token"]}})")
                                       .arg(examples));
        const auto run = runProgram({"run", file, "--json"});
        QCOMPARE(run.exitCode, 3);
        QVERIFY(run.err.startsWith("error: "));
        QCOMPARE(run.json().keys(), QStringList{"product"});
        const QJsonObject product = run.json()["product"].toObject();
        const QJsonArray variants = product["variants"].toArray();
        QCOMPARE(variants.size(), 3);
        QVERIFY(std::abs(variants[0]["relative_error"].toDouble(-1)) < 1e-6);
        for (const char* key : {"relative_error", "max_error", "lifted_out", "largest_sum", "beyond_int16"})
            QVERIFY2(variants[1][key].isDouble(), key);
        QVERIFY(variants[2]["error"].isString());
        const auto text = runProgram({"run", file});
        QCOMPARE(text.exitCode, 3);
        QVERIFY(text.out.contains("largest sum"));
    }

    void filesWithNothingToRun() {
        const auto none = runProgram({"run", write(R"({"quantscope":1,"variants":["float"]})"), "--json"});
        QCOMPARE(none.exitCode, 3);
        QVERIFY(none.err.contains("no part"));
        const auto broken = runProgram({"run", write(R"({"quantscope":1,"variants":["int99"]})")});
        QCOMPARE(broken.exitCode, 3);
        QVERIFY(broken.err.contains("variants[0]"));
        QCOMPARE(runProgram({"run", m_folder.filePath("missing.json")}).exitCode, 3);
        const auto nowhere =
            runProgram({"compare", "--synthetic", "normal/rows=4/cols=32/seed=1", "--variants", "int8",
                        "--write-experiment", m_folder.filePath("no/such/folder.json")});
        QCOMPARE(nowhere.exitCode, 3);
    }

 private:
    QString write(const QString& json) {
        QFile file(m_folder.filePath("experiment.json"));
        if (file.open(QIODevice::WriteOnly)) file.write(json.toUtf8());
        return file.fileName();
    }

    QTemporaryDir m_folder;
    QString m_model = QString::fromStdString(test::sourcePath("samples/tiny-llama"));
    QString m_text = QString::fromStdString(test::sourcePath("samples/text/held-out.txt"));
};

QTEST_GUILESS_MAIN(TestCliRun)
#include "test_cli_run.moc"
