// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "file_builder.h"
#include "io/metadata.h"

using namespace quantscope;
using test::Bytes;

namespace {

/// Length, header, data.
Bytes file(std::string_view headerText, size_t dataBytes) {
    Bytes bytes;
    bytes.put(static_cast<uint64_t>(headerText.size())).raw(headerText);
    return bytes.zeros(dataBytes);
}

Bytes fileWith(const std::string& entry, size_t dataBytes) {
    return file("{\"t\":" + entry + "}", dataBytes);
}

}  // namespace

class TestSafetensorsReader : public QObject {
    Q_OBJECT

 private slots:
    void readsEveryType_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<DType>("dtype");
        for (const DTypeInfo& info : allDTypes()) {
            if (info.isBlock()) continue;
            const auto name = QString::fromUtf8(info.name.data(), static_cast<int>(info.name.size()));
            QTest::newRow(qPrintable(name)) << name << info.dtype;
        }
    }
    void readsEveryType() {
        QFETCH(QString, name);
        QFETCH(DType, dtype);
        const auto bytes = static_cast<size_t>(6 * infoOf(dtype).blockBytes);
        const std::string entry = "{\"dtype\":\"" + name.toStdString() +
                                  "\",\"shape\":[2,3],\"data_offsets\":[0," + std::to_string(bytes) + "]}";
        const auto opened = openCheckpoint(write(fileWith(entry, bytes)));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->format(), std::string("safetensors"));
        const auto loaded = (*opened)->load("t");
        QVERIFY(loaded);
        QCOMPARE(loaded->dtype(), dtype);
        QCOMPARE(loaded->shape(), (Shape{2, 3}));
    }

    void readsMetadataScalarsAndUnalignedData() {
        // "a" makes the F32 after it start at an odd byte: the data is copied, the value stays right.
        const std::string text =
            R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[],"data_offsets":[1,5]},)"
            R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
        Bytes bytes;
        bytes.put(static_cast<uint64_t>(text.size())).raw(text).put(uint8_t{7}).put(2.5F);
        const auto opened = openCheckpoint(write(bytes));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE(metadataString((*opened)->metadata(), "format"), "pt");
        QCOMPARE((*opened)->tensors()[0].name, std::string("a"));
        const auto scalar = (*opened)->load("b");
        QVERIFY(scalar);
        QCOMPARE(scalar->floats()[0], 2.5F);
        QVERIFY(scalar->shape().empty());
    }

    void listsTypesItCannotLoad() {
        const auto opened =
            openCheckpoint(write(fileWith(R"({"dtype":"C64","shape":[2],"data_offsets":[0,16]})", 16)));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->tensors()[0].unsupportedType, std::string("C64"));
        QCOMPARE((*opened)->load("t").error().kind, ErrorKind::Unsupported);
    }

    void refusesBadFiles_data();
    void refusesBadFiles() {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, field);
        const QString wrong = test::wrongFailure(write(bytes), ErrorKind::Malformed, field);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void refusesEveryTruncation() {
        const std::string whole = fileWith(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 8).str();
        for (size_t size = 2; size < whole.size(); ++size) {  // one byte alone may be a digit, a table
            const auto opened = openCheckpoint(write(QByteArray(whole.data(), static_cast<int>(size))));
            QVERIFY2(!opened, qPrintable(QString("opened with %1 bytes").arg(size)));
        }
    }

 private:
    std::string write(const QByteArray& bytes) { return test::writeFile(m_folder, "t.safetensors", bytes); }
    QTemporaryDir m_folder;
};

void TestSafetensorsReader::refusesBadFiles_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("field");
    const auto row = [](const char* name, const Bytes& bytes, const QString& field) {
        QTest::newRow(name) << QByteArray(bytes) << field;
    };
    const auto entry = [&](const char* name, const std::string& text, size_t data = 8) {
        row(name, fileWith(text, data), "t");
    };
    row("header longer than the file", Bytes().put(uint64_t{1000}).raw("{}"), "header length");
    row("header of 2^63 bytes", Bytes().put(uint64_t{1} << 63U).raw("{}"), "header length");
    row("header cut in the middle", file(R"({"t":{"dtype":"F32")", 0), "header");
    row("text after the header's object", file("{} x", 0), "header");
    row("header is not UTF-8", file("{\"\xFF\":1}", 0), "header");
    row("deep nesting", file("{\"t\":" + std::string(100000, '[') + "}", 0), "header");
    row("duplicate name",
        file(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
             R"("t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
             2),
        "header");
    row("overlapping",
        file(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
             R"("b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
             8),
        "b");
    row("metadata is a list", file(R"({"__metadata__":[]})", 0), "__metadata__");
    row("metadata value is a number", file(R"({"__metadata__":{"k":1}})", 0), "k");
    row("empty name", file(R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1), "");
    row("NUL in a name", file(R"({"a\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
        "a\\x00b");
    entry("tensor is a number", "5");
    entry("no dtype", R"({"shape":[2],"data_offsets":[0,8]})");
    entry("no shape", R"({"dtype":"F32","data_offsets":[0,8]})");
    entry("shape is a text", R"({"dtype":"F32","shape":"2","data_offsets":[0,8]})");
    entry("negative dimension", R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})");
    entry("fractional dimension", R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})");
    entry("dimension of 2^63", R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]})");
    entry("dimensions overflow", R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})");
    entry("no offsets", R"({"dtype":"F32","shape":[2]})");
    entry("one offset", R"({"dtype":"F32","shape":[2],"data_offsets":[0]})");
    entry("negative offset", R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})");
    entry("offsets reversed", R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})");
    entry("offset past the end", R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})");
    entry("offset of 2^64 - 1", R"({"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]})");
    entry("size contradicts the shape", R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})");
}

QTEST_APPLESS_MAIN(TestSafetensorsReader)
#include "test_safetensors_reader.moc"
