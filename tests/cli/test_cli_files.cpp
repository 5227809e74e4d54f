// SPDX-License-Identifier: Apache-2.0
#include <QFile>
#include <QJsonArray>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "io/gguf_writer.h"
#include "io/npy_writer.h"
#include "methods/interface/variant.h"
#include "methods/registry.h"
#include "program.h"

using namespace quantscope;
using test::runProgram;

namespace {

/// A smooth matrix without symmetry: every row its own phase.
Tensor wave(int64_t rows, int64_t cols) {
    std::vector<float> values;
    for (int64_t i = 0; i < rows * cols; ++i)
        values.push_back(std::sin(0.37F * static_cast<float>(i)) * (1 + static_cast<float>(i % 7)));
    return Tensor::fromFloats({rows, cols}, std::move(values));
}

}  // namespace

/// The commands that work on files: inspect, compare, quantize, and how the program fails.
class TestCliFiles : public QObject {
    Q_OBJECT

 private slots:
    void initTestCase() {
        QVERIFY(writeNpy(file("w.npy").toStdString(), wave(8, 64)));
        const Metadata metadata = {{"general.architecture", std::string("other")},
                                   {"general.file_type", uint64_t{0}}};
        const std::vector<OutputTensor> tensors = {outputTensor("a", wave(4, 64)),
                                                   outputTensor("b", wave(1, 64))};
        QVERIFY(writeGguf(file("w.gguf").toStdString(), tensors, metadata));
        QFile broken(file("broken.gguf"));
        QVERIFY(broken.open(QIODevice::WriteOnly));
        broken.write("GGUF\3\0\0\0 and no more");
    }

    void versionIsPrinted() {
        const auto run = runProgram({"--version"});
        QCOMPARE(run.exitCode, 0);
        QVERIFY2(run.out.startsWith("quantscope-cli "), run.out.constData());
    }

    void methodsAreListedAsTextFormsWriteThem() {
        const auto run = runProgram({"methods", "--json"});
        QCOMPARE(run.exitCode, 0);
        const QJsonArray methods = run.json()["methods"].toArray();
        QCOMPARE(methods.size(), static_cast<qsizetype>(allMethods().size()));
        for (const QJsonValue& value : methods) {
            const QJsonObject method = value.toObject();
            const std::string name = method["name"].toString().toStdString();
            const auto bare = parseVariant(name);
            const auto defaults = parseVariant(method["defaults"].toString().toStdString());
            QVERIFY2(bare && defaults && *bare == *defaults, name.c_str());
            for (const QJsonValue& item : method["parameters"].toArray()) {
                const QJsonObject parameter = item.toObject();
                const QString text = QString("%1/%2=%3")
                                         .arg(method["name"].toString(), parameter["key"].toString(),
                                              parameter["default"].toString());
                QVERIFY2(parseVariant(text.toStdString()).has_value(), qPrintable(text));
                if (parameter["kind"] == "choice") QVERIFY(!parameter["choices"].toArray().isEmpty());
                if (parameter["kind"] == "real")
                    QVERIFY(parameter["minimum"].toDouble() < parameter["maximum"].toDouble());
            }
            if (name == "gptq") {
                QCOMPARE(method["needs"].toString(), QString("hessian"));
                QCOMPARE(method["takes"]["granularity"].toArray().size(), qsizetype{3});
            }
            if (name == "q4_k") {
                QCOMPARE(method["needs"].toString(), QString("none"));
                QCOMPARE(method["needs_at_most"].toString(), QString("mean-squares"));
                QCOMPARE(method["takes"].toBool(true), false);
            }
        }
    }

    void inspectListsTensorsAndMetadata() {
        const auto run = runProgram({"inspect", file("w.gguf"), "--json"});
        QCOMPARE(run.err, QByteArray());  // no progress without a terminal
        QCOMPARE(run.exitCode, 0);
        const QJsonObject json = run.json();
        QCOMPARE(json["format"].toString(), QString("GGUF v3"));
        QCOMPARE(json["parameters"].toInt(), 5 * 64);
        QCOMPARE(json["metadata"]["general.architecture"].toString(), QString("other"));
        const QJsonObject first = json["tensors"][0].toObject();
        QCOMPARE(first["name"].toString(), QString("a"));
        QCOMPARE(first["shape"].toArray(), (QJsonArray{4, 64}));
        QCOMPARE(first["bits_per_weight"].toDouble(), 32.0);
        const auto text = runProgram({"inspect", file("w.gguf")});
        QCOMPARE(text.exitCode, 0);
        QVERIFY(text.out.contains("4 × 64"));
    }

    void compareMeasuresEveryVariant() {
        const auto run = runProgram({"compare", file("w.npy"), "--tensor", "w", "--variants",
                                     "float; int8; int4/affine/group=32", "--json"});
        QCOMPARE(run.err, QByteArray());
        QCOMPARE(run.exitCode, 0);
        const QJsonArray variants = run.json()["variants"].toArray();
        QCOMPARE(variants.size(), 3);
        QCOMPARE(variants[0]["mse"].toDouble(-1), 0.0);
        QVERIFY(variants[1]["mse"].toDouble() > 0);
        QVERIFY(variants[2]["mse"].toDouble() > variants[1]["mse"].toDouble());
        for (const QJsonValue v : variants) {
            const double parts = v["clipping_mse"].toDouble() + v["rounding_mse"].toDouble();
            QCOMPARE(parts + 1, v["mse"].toDouble(-1) + 1);
        }
    }

    /// One bad variant keeps its error in its row; inputs chosen beside a tensor mend it.
    void compareTakesEveryMethod() {
        const QStringList start{"compare", "--synthetic", "normal/rows=32/cols=128", "--variants",
                                "float; gptq/int4/group=32; nf4; magnitude"};
        const auto without = runProgram(start + QStringList{"--json"});
        QCOMPARE(without.exitCode, 3);
        QVERIFY2(without.err.contains("--inputs"), without.err.constData());
        const QJsonArray rows = without.json()["variants"].toArray();
        QCOMPARE(rows.size(), qsizetype{4});
        QVERIFY(rows[1]["error"].toString().contains("Choose inputs"));
        QVERIFY(rows[2]["mse"].toDouble() > 0 && rows[2]["code_use"].toDouble() > 0.9);
        QVERIFY(rows[3]["mse"].toDouble() > 0 && rows[3]["clipped_share"].isNull());
        const auto with =
            runProgram(start + QStringList{"--inputs", "synthetic:outliers/rows=200", "--json"});
        QCOMPARE(with.exitCode, 0);
        QVERIFY(with.json()["variants"][1]["mse"].toDouble() > 0);
        QCOMPARE(with.json()["variants"][2]["mse"], rows[2]["mse"]);
        const auto table = runProgram(start + QStringList{"--inputs", "synthetic:outliers/rows=200"});
        QVERIFY(!table.out.contains("nan") && table.out.contains("–"));
    }

    void compareGeneratesTensors() {
        const auto run = runProgram(
            {"compare", "--synthetic", "laplace/rows=32/cols=64", "--variants", "float; int8", "--json"});
        QCOMPARE(run.exitCode, 0);
        QCOMPARE(run.json()["rows"].toInt(), 32);
    }

    void quantizeWritesPackedCodes() {
        const QString target = file("codes.safetensors");
        const auto run = runProgram(
            {"quantize", file("w.npy"), "--scheme", "int4/affine/group=32", "-o", target, "--json"});
        QCOMPARE(run.err, QByteArray());
        QCOMPARE(run.exitCode, 0);
        QCOMPARE(run.json()["quantized"].toInt(), 1);
        const auto opened = openCheckpoint(target.toStdString());
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->find("w.codes")->shape, (Shape{8, 32}));
        QCOMPARE((*opened)->find("w.scales")->shape, (Shape{8, 2}));
        QCOMPARE((*opened)->find("w.zero_points")->dtype, DType::I32);
        QVERIFY((*opened)->metadata().contains("quantscope.w"));
    }

    void dequantizedFileHasTheSameErrorAsCompare() {
        const QString target = file("values.safetensors");
        QCOMPARE(
            runProgram({"quantize", file("w.npy"), "--scheme", "int4", "-o", target, "--dequantize", "F32"})
                .exitCode,
            0);
        const auto opened = openCheckpoint(target.toStdString());
        QVERIFY(opened);
        const Tensor original = wave(8, 64);
        const auto values = (*opened)->load("w");
        QVERIFY(values);
        double sum = 0;
        for (size_t i = 0; i < 512; ++i) {
            const double error =
                static_cast<double>(original.floats()[i]) - static_cast<double>(values->floats()[i]);
            sum += error * error;
        }
        const auto compared =
            runProgram({"compare", file("w.npy"), "--tensor", "w", "--variants", "int4", "--json"});
        QCOMPARE(compared.json()["variants"][0]["mse"].toDouble(), sum / 512);
    }

    void quantizeRewritesGguf_data() {
        QTest::addColumn<QString>("scheme");
        QTest::addColumn<DType>("dtype");
        QTest::addColumn<qint64>("fileType");
        QTest::newRow("Q8_0") << "preset=q8_0" << DType::Q8_0 << qint64{7};
        QTest::newRow("Q4_0") << "preset=q4_0" << DType::Q4_0 << qint64{2};
        QTest::newRow("Q4_1") << "preset=q4_1" << DType::Q4_1 << qint64{3};
        QTest::newRow("Q5_0") << "preset=q5_0" << DType::Q5_0 << qint64{8};
        QTest::newRow("Q5_1") << "preset=q5_1" << DType::Q5_1 << qint64{9};
    }
    void quantizeRewritesGguf() {
        QFETCH(QString, scheme);
        QFETCH(DType, dtype);
        QFETCH(qint64, fileType);
        const QString target = file("out.gguf");
        const auto run =
            runProgram({"quantize", file("w.gguf"), "--scheme", scheme, "--tensors", "a", "-o", target});
        QVERIFY2(run.exitCode == 0, run.err.constData());
        const auto opened = openCheckpoint(target.toStdString());
        QVERIFY(opened);
        QCOMPARE((*opened)->find("a")->dtype, dtype);
        QCOMPARE((*opened)->find("b")->dtype, DType::F32);
        QCOMPARE(std::get<uint64_t>((*opened)->metadata().at("general.file_type")),
                 static_cast<uint64_t>(fileType));
    }

    void quantizeWritesAnySchemeToGgufAsFloats() {
        const QString target = file("floats.gguf");
        const auto run = runProgram({"quantize", file("w.gguf"), "--scheme", "int3/affine/group=16", "-o",
                                     target, "--dequantize", "F16"});
        QVERIFY2(run.exitCode == 0, run.err.constData());
        const auto opened = openCheckpoint(target.toStdString());
        QVERIFY(opened);
        QCOMPARE((*opened)->find("a")->dtype, DType::F16);
    }

    void failsWithTheRightCode_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<int>("code");
        const auto row = [](const char* name, int code, const QStringList& arguments) {
            QTest::newRow(name) << arguments << code;
        };
        const QString w = file("w.npy");
        row("no command", 2, {});
        row("unknown command", 2, {"frobnicate"});
        row("unknown option", 2, {"inspect", w, "--frobnicate"});
        row("no file", 2, {"inspect"});
        row("bad scheme", 2, {"compare", w, "--tensor", "w", "--variants", "int99"});
        row("empty variants", 2, {"compare", w, "--tensor", "w", "--variants", ""});
        row("no source", 2, {"compare", w, "--variants", "int8"});
        row("window of one", 2, {"eval", "--model", w, "--text", w, "--variants", "int8", "--window", "1"});
        row("unknown protocol", 2,
            {"eval", "--model", w, "--text", w, "--variants", "int8", "--protocol", "x"});
        row("target of no known kind", 2, {"quantize", w, "--scheme", "int8", "-o", file("x.txt")});
        row("scheme that GGUF lacks", 2,
            {"quantize", file("w.gguf"), "--scheme", "int3", "-o", file("x.gguf")});
        row("pattern that fits nothing", 2,
            {"quantize", w, "--scheme", "int8", "--tensors", "none", "-o", file("x.safetensors")});
        row("unknown benchmark", 2, {"bench", "frobnicate"});
        row("missing file", 3, {"inspect", file("none.gguf")});
        row("broken file", 3, {"inspect", file("broken.gguf")});
        row("broken file, JSON", 3, {"inspect", file("broken.gguf"), "--json"});
        row("missing tensor", 3, {"compare", w, "--tensor", "none", "--variants", "int8"});
        row("not a model", 3, {"eval", "--model", w, "--text", w, "--variants", "int8"});
        row("layers of no model", 3, {"layers", "--model", w, "--text", w, "--scheme", "int8"});
        row("capture of no model", 3, {"capture", "--model", w, "--text", w});
        row("quantize a missing file", 3,
            {"quantize", file("none"), "--scheme", "int8", "-o", file("x.gguf")});
        row("unwritable folder", 3, {"quantize", w, "--scheme", "int8", "-o", file("none/x.safetensors")});
    }
    void failsWithTheRightCode() {
        QFETCH(QStringList, arguments);
        QFETCH(int, code);
        const auto run = runProgram(arguments);
        QVERIFY2(run.exitCode == code, (QByteArray::number(run.exitCode) + ": " + run.err).constData());
        QCOMPARE(run.out, QByteArray());
        QVERIFY(!run.err.trimmed().isEmpty());
    }

    void helpIsNoError() {
        const auto run = runProgram({"--help"});
        QCOMPARE(run.exitCode, 0);
        QVERIFY(run.out.contains("inspect"));
    }

    void benchPrintsNumbers() {
        for (const char* name : {"copy", "fake-quantize", "histogram"}) {
            const auto run = runProgram({"bench", name, "--mega", "1", "--repeats", "1", "--json"});
            QVERIFY2(run.exitCode == 0, run.err.constData());
            QVERIFY(run.json()["cases"][0]["elements_per_second"].toDouble() > 0);
        }
    }

 private:
    [[nodiscard]] QString file(const char* name) const { return m_folder.filePath(name); }
    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(TestCliFiles)
#include "test_cli_files.moc"
