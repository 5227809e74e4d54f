// SPDX-License-Identifier: Apache-2.0
#include <QTemporaryDir>
#include <QTest>
#include <numeric>

#include "io/gguf_reader.h"
#include "io/gguf_types.h"
#include "io/gguf_writer.h"
#include "io/metadata.h"
#include "io/npy_writer.h"
#include "io/safetensors_writer.h"

using namespace quantscope;

namespace {

/// Bytes 0, 1, 2, ... of the given type and shape.
Tensor counting(DType dtype, const Shape& shape) {
    std::vector<std::byte> bytes(bytesNeeded(dtype, shape).value());
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 % 251);
    return Tensor::fromBytes(dtype, shape, std::move(bytes));
}

/// Empty if the file holds exactly these tensors.
QString difference(const std::string& path, const std::vector<std::pair<std::string, Tensor>>& expected) {
    const auto opened = openCheckpoint(path);
    if (!opened) return QString::fromStdString(describe(opened.error()));
    if ((*opened)->tensors().size() != expected.size()) return "another number of tensors";
    for (const auto& [name, tensor] : expected) {
        const QString who = QString::fromStdString(name);
        const auto loaded = (*opened)->load(name);
        if (!loaded) return QString::fromStdString(describe(loaded.error()));
        if (loaded->dtype() != tensor.dtype() || loaded->shape() != tensor.shape())
            return who + ": another type";
        if (!std::equal(loaded->bytes().begin(), loaded->bytes().end(), tensor.bytes().begin(),
                        tensor.bytes().end()))
            return who + ": other bytes";
    }
    return {};
}

std::vector<OutputTensor> outputs(const std::vector<std::pair<std::string, Tensor>>& tensors) {
    std::vector<OutputTensor> out;
    for (const auto& [name, tensor] : tensors) out.push_back(outputTensor(name, tensor));
    return out;
}

}  // namespace

class TestWriters : public QObject {
    Q_OBJECT

 private slots:
    void safetensorsRoundTrip() {
        std::vector<std::pair<std::string, Tensor>> tensors;
        for (const DTypeInfo& info : allDTypes()) {
            if (!info.isBlock()) tensors.emplace_back(std::string(info.name), counting(info.dtype, {3, 5}));
        }
        tensors.emplace_back("scalar", counting(DType::F32, {}));
        tensors.emplace_back("empty", counting(DType::F32, {0, 4}));
        tensors.emplace_back("Größe 数", counting(DType::U8, {2}));
        const std::string path = file("t.safetensors");
        const auto status =
            writeSafetensors(path, outputs(tensors), {{"scheme", "int4/affine"}, {"é", "\"x\"\n"}});
        QVERIFY2(status, status ? "" : describe(status.error()).c_str());
        const QString wrong = difference(path, tensors);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        const auto opened = openCheckpoint(path);
        QCOMPARE(metadataString((*opened)->metadata(), "scheme"), "int4/affine");
        QCOMPARE(metadataString((*opened)->metadata(), "é"), "\"x\"\n");
    }

    /// A header of 640 bytes makes the file begin with the two bytes of a pickle.
    void headersOfEveryLengthAreOurs() {
        const auto tensors = outputs({{"t", counting(DType::F32, {2})}});
        const std::string path = file("header.safetensors");
        for (size_t length = 480; length < 680; length += 8) {
            QVERIFY(writeSafetensors(path, tensors, {{"k", std::string(length, 'x')}}).has_value());
            QVERIFY2(openCheckpoint(path).has_value(), std::to_string(length).c_str());
        }
    }

    void ggufRoundTrip() {
        std::vector<std::pair<std::string, Tensor>> tensors;
        for (const DTypeInfo& info : allDTypes()) {
            if (ggmlType(info.dtype) != nullptr)
                tensors.emplace_back(std::string(info.name), counting(info.dtype, {3, 256}));
        }
        const Metadata metadata{{"general.alignment", int64_t{64}},
                                {"a.bool", true},
                                {"a.int", int64_t{-5}},
                                {"a.wide", int64_t{1} << 40},
                                {"a.unsigned", uint64_t{7}},
                                {"a.double", 0.5},
                                {"a.text", std::string("x")},
                                {"a.ints", std::vector<int64_t>{1, -2}},
                                {"a.doubles", std::vector<double>{0.25, 4}},
                                {"a.texts", std::vector<std::string>{"", "y"}}};
        const std::string path = file("t.gguf");
        const auto status = writeGguf(path, outputs(tensors), metadata);
        QVERIFY2(status, status ? "" : describe(status.error()).c_str());
        const QString wrong = difference(path, tensors);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        const auto opened = openCheckpoint(path);
        Metadata expected = metadata;
        expected["general.alignment"] = uint64_t{64};
        QVERIFY((*opened)->metadata() == expected);
        for (const auto& [name, tensor] : tensors) {
            const auto loaded = (*opened)->load(name);
            QCOMPARE(reinterpret_cast<uintptr_t>(loaded->bytes().data()) % 64, uintptr_t{0});
        }
    }

    void ggufRewriteReplacesTensorsAndKeepsTheRest() {
        const std::string source = file("source.gguf");
        const Tensor kept = counting(DType::Q6_K, {2, 256});
        const Tensor old = counting(DType::F32, {4, 32});
        const Metadata metadata{{"general.file_type", uint64_t{0}},
                                {"llama.rope.freq_base", 10000.0},
                                {"tokens", std::vector<std::string>{"a", "\xFF"}}};
        QVERIFY(writeGguf(source, outputs({{"old", old}, {"kept", kept}}), metadata));
        const auto opened = openCheckpoint(source);
        QVERIFY(opened);

        const Tensor fresh = counting(DType::Q4_0, {4, 32});
        const Metadata overrides{{"general.file_type", uint64_t{2}},
                                 {"quantscope.scheme", std::string("q4_0")}};
        const std::string target = file("target.gguf");
        const auto status = rewriteGguf(target, **opened, outputs({{"old", fresh}}), overrides);
        QVERIFY2(status, status ? "" : describe(status.error()).c_str());
        const QString wrong = difference(target, {{"old", fresh}, {"kept", kept}});
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));

        const auto result = openCheckpoint(target);
        Metadata expected = metadata;
        for (const auto& [key, value] : overrides) expected[key] = value;
        QVERIFY((*result)->metadata() == expected);
        QCOMPARE((*result)->tensors()[0].name, std::string("old"));
    }

    void ggufRewriteOntoItsOwnSource() {
        const std::string path = file("self.gguf");
        const Tensor kept = counting(DType::F32, {1000});
        QVERIFY(writeGguf(path, outputs({{"a", kept}, {"b", kept}}), {}));
        const auto opened = openCheckpoint(path);
        QVERIFY(opened);
        const Tensor fresh = counting(DType::F16, {1000});
        QVERIFY(rewriteGguf(path, **opened, outputs({{"a", fresh}})));
        const QString wrong = difference(path, {{"a", fresh}, {"b", kept}});
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        QCOMPARE((*opened)->load("a")->dtype(), DType::F32);  // the old mapping is still whole
    }

    void ggufRewriteRefuses() {
        const std::string path = file("source.gguf");
        QVERIFY(writeGguf(path, outputs({{"a", counting(DType::F32, {32})}}), {}));
        const auto gguf = openCheckpoint(path);
        const auto kindOf = [&](const Checkpoint& source, const std::string& name, const Shape& shape) {
            const auto status =
                rewriteGguf(file("never.gguf"), source, outputs({{name, counting(DType::F32, shape)}}));
            return status ? ErrorKind::Internal : status.error().kind;
        };
        QCOMPARE(kindOf(**gguf, "none", {32}), ErrorKind::InvalidArgument);
        QCOMPARE(kindOf(**gguf, "a", {2, 16}), ErrorKind::InvalidArgument);
        const std::string other = file("other.npy");
        QVERIFY(writeNpy(other, counting(DType::F32, {2})));
        const auto npy = openCheckpoint(other);
        QCOMPARE(kindOf(**npy, "other", {2}), ErrorKind::InvalidArgument);
        QVERIFY(!QFile::exists(QString::fromStdString(file("never.gguf"))));
    }

    void npyRoundTrip_data() {
        QTest::addColumn<Shape>("shape");
        QTest::newRow("scalar") << Shape{};
        QTest::newRow("vector") << Shape{7};
        QTest::newRow("matrix") << Shape{3, 5};
        QTest::newRow("cube") << Shape{2, 3, 4};
        QTest::newRow("empty") << Shape{0, 3};
    }
    void npyRoundTrip() {
        QFETCH(Shape, shape);
        for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::I64, DType::U8, DType::Bool}) {
            const std::string path = file("t.npy");
            const Tensor tensor = counting(dtype, shape);
            const auto status = writeNpy(path, tensor);
            QVERIFY2(status, status ? "" : describe(status.error()).c_str());
            const QString wrong = difference(path, {{"t", tensor}});
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        }
    }

    void refusesWhatTheFormatLacks() {
        const std::string path = file("never");
        const auto kind = [](const Status& status) {
            return status ? ErrorKind::Internal : status.error().kind;
        };
        const auto one = [](DType dtype) { return outputs({{"t", counting(dtype, {256})}}); };
        QCOMPARE(kind(writeSafetensors(path, one(DType::Q4_0))), ErrorKind::Unsupported);
        QCOMPARE(kind(writeGguf(path, one(DType::U16), {})), ErrorKind::Unsupported);
        QCOMPARE(kind(writeNpy(path, counting(DType::BF16, {2}))), ErrorKind::Unsupported);
        const auto same = outputs({{"t", counting(DType::F32, {1})}, {"t", counting(DType::F32, {1})}});
        QCOMPARE(kind(writeSafetensors(path, same)), ErrorKind::InvalidArgument);
        QCOMPARE(kind(writeGguf(path, same, {})), ErrorKind::InvalidArgument);
        const auto deep = outputs({{"t", counting(DType::F32, {1, 1, 1, 1, 1})}});
        QCOMPARE(kind(writeGguf(path, deep, {})), ErrorKind::InvalidArgument);
        QCOMPARE(kind(writeSafetensors(path, one(DType::F32), {{"k", "\xFF"}})), ErrorKind::InvalidArgument);
        QVERIFY(!QFile::exists(QString::fromStdString(path)));
    }

    void stopsWhenAsked() {
        std::stop_source stop;
        stop.request_stop();
        const auto status = writeSafetensors(file("never"), outputs({{"t", counting(DType::F32, {1})}}), {},
                                             Job(stop.get_token()));
        QVERIFY(!status);
        QCOMPARE(status.error().kind, ErrorKind::Cancelled);
        QVERIFY(!QFile::exists(QString::fromStdString(file("never"))));
    }

 private:
    std::string file(const char* name) { return m_folder.filePath(name).toStdString(); }
    QTemporaryDir m_folder;
};

QTEST_APPLESS_MAIN(TestWriters)
#include "test_writers.moc"
