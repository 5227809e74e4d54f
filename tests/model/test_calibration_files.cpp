// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <fstream>
#include <limits>

#include "calibration_runs.h"
#include "io/safetensors_writer.h"
#include "model/calibration/saved_calibration.h"
#include "patched_model.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

int filesIn(const std::string& folder) {
    const auto all = QDir(QString::fromStdString(folder)).entryList(QDir::Files | QDir::Hidden);
    return static_cast<int>(all.size());
}

/// Asks for a stop when one layer's weight is read for the n-th time.
class StoppingModel final : public PatchedModel {
 public:
    StoppingModel(const Model& base, std::string layer, int reads, std::stop_source& stop)
        : PatchedModel(base), m_layer(std::move(layer)), m_left(reads), m_stop(stop) {}
    [[nodiscard]] Result<Tensor> linearWeight(std::string_view name, const Job& job = {}) const override {
        if (name == m_layer && --m_left == 0) m_stop.request_stop();
        return PatchedModel::linearWeight(name, job);
    }

 private:
    std::string m_layer;
    mutable int m_left;
    std::stop_source& m_stop;
};

}  // namespace

class TestCalibrationFiles : public QObject {
    Q_OBJECT

 private slots:
    void init() { QVERIFY(m_folder.isValid()); }

    /// What is read back scores like the run itself, for methods that take moments, samples and Hessians.
    void savedCalibrationIsTheRun() {
        const TinyModel model;
        const std::string file = path("saved.safetensors");
        for (const char* variant : {"gptq/int3/group=16/inputs=float", "awq/int3/group=16", "wanda",
                                    "smoothquant/w8a8", "gptq/int3/group=16/inputs=quantized"}) {
            auto protocol = shortWindows();
            protocol.calibration.text = someText();
            protocol.places.calibrationTarget = file;
            const auto first = scoreOf(model, variant, protocol);
            QVERIFY2(first.has_value(), first ? "" : describe(first.error()).c_str());
            protocol.places.calibrationTarget.clear();
            protocol.calibration.file = file;
            const auto withText = scoreOf(model, variant, protocol);
            QVERIFY2(withText.has_value(), withText ? "" : describe(withText.error()).c_str());
            QCOMPARE(*withText, *first);
            protocol.calibration.text = {};
            const auto alone = scoreOf(model, variant, protocol);
            const bool ordered = std::string_view(variant).find("inputs=quantized") != std::string_view::npos;
            QCOMPARE(alone.has_value(), !ordered);
            if (alone) QCOMPARE(*alone, *first);
            if (!alone) QCOMPARE(alone.error().field, std::string("inputs"));
        }
    }

    /// Without the text there are only the float model's inputs: an order that a method takes by default
    /// means those, and the result says so. One that is written out stays an error (above).
    void defaultedInputsAreFloatWhereThereIsNoText() {
        const TinyModel model;
        const std::string file = path("float-inputs.safetensors");
        auto protocol = shortWindows();
        protocol.calibration.text = someText();
        protocol.places.calibrationTarget = file;
        for (const char* method : {"gptq/int3/group=16", "sparsegpt"}) {
            const auto floats = scoreOf(model, (std::string(method) + "/inputs=float").c_str(), protocol);
            const auto bare = scoreOf(model, method, protocol);
            const auto quantized =
                scoreOf(model, (std::string(method) + "/inputs=quantized").c_str(), protocol);
            QVERIFY(floats.has_value() && bare.has_value() && quantized.has_value());
            QCOMPARE(*bare, *quantized);
            QVERIFY(*bare != *floats);
            CalibrationInput saved;
            saved.file = file;
            const auto variants = parseVariants("float; " + std::string(method));
            const auto alone =
                evaluate(model, randomTokens(64), *variants, protocol, kernels(), {}, {}, saved, {});
            QVERIFY2(alone.has_value(), alone ? "" : describe(alone.error()).c_str());
            QCOMPARE(alone->variants[1].meanNll, *floats);
            QCOMPARE(alone->notes.size(), size_t{1});
            QVERIFY2(alone->notes[0].find("inputs=float") != std::string::npos, alone->notes[0].c_str());
        }
    }

    /// A calibration that keeps one block runs the text again, and writes the same file.
    void savingNeedsLittleMemory() {
        const TinyModel model;
        CalibrationOptions options = optionsOf(someText());
        Calibration large(model, kernels(), options);
        options.maxBytes = 1;
        Calibration small(model, kernels(), options);
        QVERIFY(saveCalibration(large, model, path("large"), {}).has_value());
        QVERIFY(saveCalibration(small, model, path("small"), {}).has_value());
        QCOMPARE(contents("small"), contents("large"));
        std::stop_source stop;
        stop.request_stop();
        Calibration another(model, kernels(), options);
        const auto stopped = saveCalibration(another, model, path("stopped"), Job(stop.get_token()));
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
        QVERIFY(!std::filesystem::exists(path("stopped")));
    }

    void anotherModelOrTextIsRefused() {
        const TinyModel model;
        const TinyModel tied(true);
        Calibration calibration(model, kernels(), optionsOf(someText()));
        QVERIFY(saveCalibration(calibration, model, path("own.safetensors"), {}).has_value());
        auto protocol = shortWindows();
        protocol.calibration.file = path("own.safetensors");
        const auto otherModel = scoreOf(tied, "wanda", protocol);
        QVERIFY(!otherModel && otherModel.error().kind == ErrorKind::InvalidArgument);
        QCOMPARE(otherModel.error().field, std::string("model"));
        TinyModel changed;
        Tensor weight = *changed.weight("blk.1.ffn_up");
        std::vector<float> values(weight.floats().begin(), weight.floats().end());
        values[0] += 1;
        changed.replace("blk.1.ffn_up", Tensor::fromFloats(weight.shape(), std::move(values)));
        QVERIFY(!scoreOf(changed, "wanda", protocol));
        protocol.calibration.text = someText(6);
        const auto otherText = scoreOf(model, "wanda", protocol);
        QVERIFY(!otherText && otherText.error().field == "text");
        protocol.calibration.text = someText();
        protocol.calibration.chunks = 2;
        const auto lessText = scoreOf(model, "wanda", protocol);
        QVERIFY(!lessText && lessText.error().field == "text");
    }

    void hostileCalibrations_data() {
        QTest::addColumn<QString>("tensor");
        QTest::addColumn<QString>("change");
        QTest::addColumn<QString>("says");
        QTest::newRow("missing") << "blk.0.ffn.abs_max"
                                 << "drop"
                                 << "is missing";
        QTest::newRow("wrong shape") << "blk.0.attn.hessian"
                                     << "flatten"
                                     << "instead of";
        QTest::newRow("wrong type") << "blk.0.attn.mean_square"
                                    << "as bytes"
                                    << "instead of";
        QTest::newRow("NaN moment") << "blk.1.ffn.mean_square"
                                    << "nan"
                                    << "NaN";
        QTest::newRow("negative moment") << "blk.1.ffn.mean_square"
                                         << "negative"
                                         << "negative";
        QTest::newRow("NaN Hessian") << "blk.0.ffn_down.hessian"
                                     << "nan"
                                     << "NaN";
        QTest::newRow("NaN sample") << "blk.0.attn.sample"
                                    << "nan"
                                    << "NaN";
        QTest::newRow("negative counts") << "blk.0.attn.counts"
                                         << "negative"
                                         << "counts";
        QTest::newRow("huge counts") << "blk.0.attn.counts"
                                     << "huge"
                                     << "counts";
    }
    void hostileCalibrations() {
        QFETCH(QString, tensor);
        QFETCH(QString, change);
        QFETCH(QString, says);
        const TinyModel model;
        Calibration calibration(model, kernels(), optionsOf(someText()));
        QVERIFY(saveCalibration(calibration, model, path("good.safetensors"), {}).has_value());
        const auto file = *openCheckpoint(path("good.safetensors"));
        std::vector<OutputTensor> tensors;
        for (const TensorEntry& entry : file->tensors()) {
            const Tensor loaded = *file->load(entry.name);
            if (entry.name != tensor.toStdString())
                tensors.push_back(outputTensor(entry.name, loaded));
            else if (change != "drop")
                tensors.push_back(outputTensor(entry.name, changed(loaded, change)));
        }
        std::map<std::string, std::string> metadata;
        for (const auto& [key, value] : file->metadata()) metadata[key] = std::get<std::string>(value);
        QVERIFY(writeSafetensors(path("bad.safetensors"), tensors, metadata).has_value());
        auto protocol = shortWindows();
        protocol.calibration.file = path("bad.safetensors");
        const auto result = scoreOf(model, "gptq/int4/group=16", protocol);
        QVERIFY(!result.has_value());
        QCOMPARE(result.error().kind, ErrorKind::Malformed);
        const std::string text = describe(result.error());
        QVERIFY2(text.find(says.toStdString()) != std::string::npos, text.c_str());
        QVERIFY2(text.find(tensor.toStdString()) != std::string::npos, text.c_str());
        QVERIFY2(text.find("bad.safetensors") != std::string::npos, text.c_str());
    }

    /// Stopped after k layers, the folder holds k whole files; the next run takes them, and equals one that
    /// nobody stopped.
    void runsGoOnAfterAStop_data() {
        QTest::addColumn<QString>("variant");
        QTest::addColumn<QString>("stopAt");
        QTest::addColumn<int>("kept");
        QTest::newRow("gptq") << "gptq/int3/group=16/act-order/inputs=float"
                              << "blk.1.attn_q" << 7;
        QTest::newRow("awq") << "awq/int3/group=16"
                             << "blk.0.ffn_down" << 6;
        QTest::newRow("gptq, ordered") << "gptq/int3/group=16/inputs=true-sequential"
                                       << "blk.1.ffn_gate" << 11;
        QTest::newRow("gptq, ordered, static inputs")
            << "gptq/int3/group=16/inputs=true-sequential @act-static=int8/tensor"
            << "blk.1.ffn_gate" << 11;
        QTest::newRow("integer codes") << "gptq/int8/channel/inputs=float/integer @act=int8/token"
                                       << "blk.1.attn_k" << 8;
        QTest::newRow("values") << "kmeans/int3/sensitive"
                                << "blk.0.attn_v" << 2;
        QTest::newRow("round to nearest") << "int4/group=16"
                                          << "blk.1.attn_q" << 0;
    }
    void runsGoOnAfterAStop() {
        QFETCH(QString, variant);
        QFETCH(QString, stopAt);
        QFETCH(int, kept);
        const TinyModel model;
        const QTemporaryDir folder;
        auto protocol = shortWindows();
        protocol.order = EvaluationOrder::LayerMajor;
        protocol.calibration.text = someText();
        const auto undisturbed = scoreOf(model, variant.toUtf8().constData(), protocol);
        QVERIFY2(undisturbed.has_value(), undisturbed ? "" : describe(undisturbed.error()).c_str());
        protocol.places.resumeFolder = folder.filePath("layers").toStdString();

        std::stop_source stop;
        // The float reference asks for the weight first, and where layers are run in order the calibration,
        // and where inputs have static ranges the run that finds them.
        const bool ordered = variant.contains("true-sequential");
        const int before = (ordered ? 1 : 0) + (variant.contains("act-static") ? 1 : 0);
        StoppingModel stopping(model, stopAt.toStdString(), 2 + before, stop);
        const auto variants = parseVariants("float; " + variant.toStdString());
        const auto stopped = evaluate(stopping, randomTokens(64), *variants, protocol, kernels(),
                                      Job(stop.get_token()), {}, protocol.calibration, protocol.places);
        QVERIFY(!stopped.has_value());
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
        QCOMPARE(filesIn(protocol.places.resumeFolder), kept);

        const auto resumed = evaluate(model, randomTokens(64), *variants, protocol, kernels(), {}, {},
                                      protocol.calibration, protocol.places);
        QVERIFY2(resumed.has_value(), resumed ? "" : describe(resumed.error()).c_str());
        QCOMPARE(resumed->variants[1].meanNll, *undisturbed);
        const std::string says = fmt::format("{} layer", kept);
        QVERIFY2(resumed->notes.size() == (kept > 0 ? 1 : 0),
                 resumed->notes.empty() ? "" : resumed->notes[0].c_str());
        if (kept > 0) QVERIFY2(resumed->notes[0].starts_with(says), resumed->notes[0].c_str());
        QCOMPARE(filesIn(protocol.places.resumeFolder), kept > 0 ? 14 : 0);
    }

    void damagedLayersAreComputedAgain_data() {
        QTest::addColumn<QString>("damage");
        for (const char* damage : {"empty", "cut", "one bit", "another layer's"})
            QTest::newRow(damage) << damage;
    }
    void damagedLayersAreComputedAgain() {
        QFETCH(QString, damage);
        const TinyModel model;
        const QTemporaryDir folder;
        auto protocol = shortWindows();
        protocol.calibration.text = someText();
        protocol.places.resumeFolder = folder.path().toStdString();
        const auto first = scoreOf(model, "gptq/int3/group=16/inputs=float", protocol);
        QVERIFY(first.has_value());
        const QStringList files = QDir(folder.path()).entryList({"blk.1.*"}, QDir::Files);
        QFile victim(folder.filePath(files[0]));
        QVERIFY(victim.open(QIODevice::ReadWrite));
        QByteArray bytes = victim.readAll();
        if (damage == "empty") bytes.clear();
        if (damage == "cut") bytes.chop(5);
        if (damage == "one bit") bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
        if (damage == "another layer's") {
            QFile other(folder.filePath(files[1]));
            QVERIFY(other.open(QIODevice::ReadOnly));
            bytes = other.readAll();
        }
        QVERIFY(victim.resize(0) && victim.seek(0) && victim.write(bytes) == bytes.size());
        victim.close();
        const auto variants = parseVariants("float; gptq/int3/group=16/inputs=float");
        const auto again = evaluate(model, randomTokens(64), *variants, protocol, kernels(), {}, {},
                                    protocol.calibration, protocol.places);
        QVERIFY(again.has_value());
        QCOMPARE(again->variants[1].meanNll, *first);
        QCOMPARE(again->notes.size(), size_t{2});
        QVERIFY2(again->notes[0].find(files[0].toStdString()) != std::string::npos, again->notes[0].c_str());
        QVERIFY2(again->notes[0].find("damaged") != std::string::npos, again->notes[0].c_str());
        QVERIFY2(again->notes[1].starts_with("13 layers"), again->notes[1].c_str());
    }

    /// Layers of another text, another model or another variant are none of this run's.
    void layersBelongToTheirRun() {
        const TinyModel model;
        const TinyModel other(false, RotaryLayout::Pairs);
        const QTemporaryDir folder;
        auto protocol = shortWindows();
        protocol.places.resumeFolder = folder.path().toStdString();
        int files = 0;
        for (const auto& [text, variant] : {std::pair{5, "gptq/int3/group=16/inputs=float"},
                                            std::pair{6, "gptq/int3/group=16/inputs=float"},
                                            std::pair{6, "gptq/int4/group=16/inputs=float"},
                                            std::pair{6, "gptq/int4/group=16/inputs=quantized"}}) {
            protocol.calibration.text = someText(static_cast<uint64_t>(text));
            auto plain = protocol;
            plain.places.resumeFolder.clear();
            QCOMPARE(*scoreOf(model, variant, protocol), *scoreOf(model, variant, plain));
            QCOMPARE(filesIn(protocol.places.resumeFolder), files += 14);
        }
        protocol.places.resumeFolder = "/proc/nowhere";
        const auto refused = scoreOf(model, "gptq/int3/group=16", protocol);
        QVERIFY(!refused && refused.error().kind == ErrorKind::CannotWrite);
    }

    /// The same ids read twice are the same text, wherever they lie; a text is not told by its place.
    void textsAreComparedByContent() {
        const CalibrationInput first{someText()};
        const CalibrationInput again{someText()};
        QVERIFY(&first.text.tokens() != &again.text.tokens());
        QVERIFY(first == again);
        QVERIFY(!(first == CalibrationInput{someText(6)}));
        QVERIFY(!(first == CalibrationInput{}));
        CalibrationInput shorter = first;
        shorter.chunks = 1;
        QVERIFY(!(first == shorter));
    }

    void savingNeedsAText() {
        auto protocol = shortWindows();
        protocol.places.calibrationTarget = path("none.safetensors");
        const TinyModel model;
        const auto result = scoreOf(model, "int4/group=16", protocol);
        QVERIFY(!result && result.error().field == "calibration");
    }

 private:
    [[nodiscard]] std::string path(const char* name) const {
        return m_folder.filePath(QString::fromLatin1(name)).toStdString();
    }
    [[nodiscard]] std::string contents(const char* name) const {
        std::ifstream file(path(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static Tensor changed(const Tensor& tensor, const QString& how) {
        std::vector<std::byte> bytes(tensor.bytes().begin(), tensor.bytes().end());
        const auto put = [&]<class T>(T value) { std::memcpy(bytes.data(), &value, sizeof(T)); };
        const bool counts = tensor.dtype() == DType::I64;
        if (how == "nan" && tensor.dtype() == DType::F64) put(std::nan(""));
        if (how == "nan" && tensor.dtype() == DType::F32) put(std::nanf(""));
        if (how == "negative" && counts) put(int64_t{-1});
        if (how == "negative" && !counts) put(-1.0);
        if (how == "huge") {
            const int64_t rows = std::numeric_limits<int64_t>::max();
            std::memcpy(bytes.data() + 2 * sizeof(rows), &rows, sizeof(rows));
        }
        Shape shape = tensor.shape();
        if (how == "flatten") shape = {tensor.size()};
        const auto size = static_cast<int64_t>(bytes.size());
        if (how == "as bytes") return Tensor::fromBytes(DType::U8, {size}, std::move(bytes));
        return Tensor::fromBytes(tensor.dtype(), shape, std::move(bytes));
    }

    QTemporaryDir m_folder;
};

QTEST_APPLESS_MAIN(TestCalibrationFiles)
#include "test_calibration_files.moc"
