// SPDX-License-Identifier: Apache-2.0
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <functional>

#include "calibration_runs.h"
#include "io/gguf_writer.h"
#include "model/calibration/importance_matrix.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

/// The older form of an importance matrix, entry by entry.
struct OldMatrix {
    std::string bytes;
    void number(int32_t value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
    void entry(const std::string& name, int32_t calls, const std::vector<float>& values) {
        number(static_cast<int32_t>(name.size()));
        bytes += name;
        number(calls);
        number(static_cast<int32_t>(values.size()));
        bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    }
};

/// Of every layer of the blocks, from our statistics.
OldMatrix oldMatrixOf(const Model& model, Calibration& calibration, int32_t calls) {
    OldMatrix matrix;
    matrix.number(static_cast<int32_t>(model.linears().size()) - 1);
    for (const LinearInfo& layer : model.linears()) {
        if (layer.block < 0) continue;
        std::vector<float> values;
        for (const double square : (*calibration.statistics(layer, {}))->meanSquare)
            values.push_back(static_cast<float>(square * calls));
        matrix.entry(layer.name + ".weight", calls, values);
    }
    matrix.number(calls);
    matrix.number(4);
    return {matrix.bytes + "text"};
}

}  // namespace

class TestImportanceMatrix : public QObject {
    Q_OBJECT

 private slots:
    /// Ours in the GGUF form, the same in the older form: both score like the calibration itself.
    void importanceMatrices() {
        const TinyModel model;
        auto own = shortWindows();
        own.calibration.text = someText();
        own.places.calibrationTarget = path("ours.gguf");
        const auto expected = scoreOf(model, "kmeans/int2/sensitive", own);
        QVERIFY2(expected.has_value(), expected ? "" : describe(expected.error()).c_str());
        Calibration calibration(model, kernels(), optionsOf(someText()));
        write("old.dat", oldMatrixOf(model, calibration, 3).bytes);
        for (const char* name : {"ours.gguf", "old.dat"}) {
            auto protocol = shortWindows();
            protocol.calibration.file = path(name);
            const auto score = scoreOf(model, "kmeans/int2/sensitive", protocol);
            QVERIFY2(score.has_value(), score ? "" : describe(score.error()).c_str());
            // The matrix holds 32-bit sums.
            QVERIFY2(std::abs(*score - *expected) < 1e-5, name);
            const auto seen = (*ImportanceMatrix::open(path(name)))->statistics(model.linears()[10], {});
            const auto& squares = (*calibration.statistics(model.linears()[10], {}))->meanSquare;
            QVERIFY(seen.has_value());
            for (size_t j = 0; j < squares.size(); ++j)
                QVERIFY(std::abs((*seen)->meanSquare[j] - squares[j]) <= 1e-6 * squares[j]);
            const auto gptq = scoreOf(model, "gptq/int4/group=16", protocol);
            QVERIFY(!gptq && gptq.error().kind == ErrorKind::InvalidArgument);
            QVERIFY(describe(gptq.error()).find("importance matrix") != std::string::npos);
        }
        const auto checkpoint = openCheckpoint(path("ours.gguf"));
        QVERIFY(checkpoint.has_value());
        QCOMPARE(std::get<std::string>((*checkpoint)->metadata().at("general.type")), std::string("imatrix"));
        QCOMPARE((*checkpoint)->find("blk.0.attn_q.weight.in_sum2")->shape, (Shape{1, 32}));
        QCOMPARE((*checkpoint)->find("blk.0.attn_q.weight.counts")->shape, (Shape{1, 1}));
    }

    void hostileMatrices_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("says");
        const auto row = [](const char* name, const std::function<void(OldMatrix&)>& make, const char* says) {
            OldMatrix matrix;
            make(matrix);
            QTest::newRow(name) << QByteArray::fromStdString(matrix.bytes) << says;
        };
        const std::string name = "blk.0.attn_q.weight";
        row(
            "empty", [](OldMatrix&) {}, "");
        row(
            "no entries", [](OldMatrix& m) { m.number(0); }, "entries");
        row(
            "negative entries",
            [](OldMatrix& m) {
                m.number(-1);
                m.bytes += std::string(64, 'x');
            },
            "entries");
        row(
            "huge entries",
            [](OldMatrix& m) {
                m.number(0x7FFFFFFF);
                m.bytes += std::string(64, 'x');
            },
            "entries");
        row(
            "huge name",
            [](OldMatrix& m) {
                m.number(1);
                m.number(0x7FFFFFFF);
                m.bytes += std::string(64, 'x');
            },
            "entry 1");
        row(
            "negative name",
            [](OldMatrix& m) {
                m.number(1);
                m.number(-5);
                m.bytes += std::string(64, 'x');
            },
            "entry 1");
        row(
            "no calls",
            [&](OldMatrix& m) {
                m.number(1);
                m.entry(name, 0, {1, 2});
            },
            "0 calls");
        row(
            "cut in its values",
            [&](OldMatrix& m) {
                m.number(1);
                m.entry(name, 1, std::vector<float>(32, 1));
                m.bytes.resize(80);
            },
            "ends inside");
        row(
            "two promised, one there",
            [&](OldMatrix& m) {
                m.number(2);
                m.entry(name, 1, std::vector<float>(32, 1));
            },
            "ends inside");
        row(
            "NaN",
            [&](OldMatrix& m) {
                m.number(1);
                m.entry(name, 1, {1, std::nanf("")});
            },
            "NaN");
        row(
            "negative",
            [&](OldMatrix& m) {
                m.number(1);
                m.entry(name, 1, {1, -1});
            },
            "negative");
        row(
            "another width",
            [&](OldMatrix& m) {
                m.number(1);
                m.entry(name, 1, std::vector<float>(31, 1));
            },
            "31 inputs");
        row(
            "a layer is not listed",
            [&](OldMatrix& m) {
                m.number(1);
                m.entry("blk.9.attn_q.weight", 1, std::vector<float>(32, 1));
            },
            "does not list");
    }
    void hostileMatrices() {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, says);
        const TinyModel model;
        write("hostile.dat", bytes.toStdString());
        auto protocol = shortWindows();
        protocol.calibration.file = path("hostile.dat");
        const auto result = scoreOf(model, "wanda", protocol);
        QVERIFY(!result.has_value());
        const std::string text = describe(result.error());
        QVERIFY2(text.find(says.toStdString()) != std::string::npos, text.c_str());
        QVERIFY2(text.find("hostile.dat") != std::string::npos, text.c_str());
    }

    void hostileGgufMatrices_data() {
        QTest::addColumn<QString>("change");
        QTest::addColumn<QString>("says");
        QTest::newRow("no sums") << "no sums"
                                 << "no tensor";
        QTest::newRow("no counts") << "no counts"
                                   << "without counts";
        QTest::newRow("counts of experts") << "experts"
                                           << "experts";
        QTest::newRow("NaN count") << "nan count"
                                   << "tokens";
        QTest::newRow("huge count") << "huge count"
                                    << "tokens";
        QTest::newRow("NaN sum") << "nan sum"
                                 << "NaN";
    }
    void hostileGgufMatrices() {
        QFETCH(QString, change);
        QFETCH(QString, says);
        const TinyModel model;
        const float nan = std::nanf("");
        std::vector<float> sums(32, 2.0F);
        if (change == "nan sum") sums[7] = nan;
        std::vector<float> counts = {change == "nan count" ? nan : change == "huge count" ? 1e30F : 4.0F};
        if (change == "experts") counts.assign(2, 4.0F);
        std::vector<OutputTensor> tensors;
        const std::string name = "blk.0.attn_q.weight";
        tensors.push_back(outputTensor(name + (change == "no sums" ? ".other" : ".in_sum2"),
                                       Tensor::fromFloats({1, 32}, sums)));
        if (change != "no counts") {
            const auto size = static_cast<int64_t>(counts.size());
            tensors.push_back(outputTensor(name + ".counts", Tensor::fromFloats({size, 1}, counts)));
        }
        QVERIFY(
            writeGguf(path("hostile.gguf"), tensors, {{"general.type", std::string("imatrix")}}).has_value());
        auto protocol = shortWindows();
        protocol.calibration.file = path("hostile.gguf");
        const auto result = scoreOf(model, "wanda", protocol);
        QVERIFY(!result.has_value());
        const std::string text = describe(result.error());
        QVERIFY2(text.find(says.toStdString()) != std::string::npos, text.c_str());
    }

 private:
    [[nodiscard]] std::string path(const char* name) const {
        return m_folder.filePath(QString::fromLatin1(name)).toStdString();
    }
    void write(const char* name, const std::string& bytes) const {
        std::ofstream(path(name), std::ios::binary) << bytes;
    }
    QTemporaryDir m_folder;
};

QTEST_APPLESS_MAIN(TestImportanceMatrix)
#include "test_importance_matrix.moc"
