// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <cstring>
#include <filesystem>
#include <functional>

#include "file_builder.h"
#include "io/gguf_reader.h"
#include "io/metadata.h"

using namespace quantscope;
using test::Bytes;

namespace {

Bytes header(uint32_t version, uint64_t tensors, uint64_t keys) {
    Bytes bytes;
    bytes.raw("GGUF").put(version).put(tensors).put(keys);
    return bytes;
}

Bytes& tensor(Bytes& bytes, std::string_view name, std::initializer_list<uint64_t> dims, uint32_t type,
              uint64_t offset) {
    bytes.text(name).put(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) bytes.put(dim);
    return bytes.put(type).put(offset);
}

/// A file with one key per value type and two tensors: F32 [2 x 3] and Q8_0 [2 x 32].
Bytes goodFile(uint32_t version) {
    Bytes b = header(version, 2, 15);
    b.text("u8").put(0U).put(uint8_t{200}).text("i8").put(1U).put(int8_t{-3});
    b.text("u16").put(2U).put(uint16_t{60000}).text("i16").put(3U).put(int16_t{-7});
    b.text("u32").put(4U).put(4000000000U).text("i32").put(5U).put(-9);
    b.text("f32").put(6U).put(0.5F).text("bool").put(7U).put(uint8_t{1});
    b.text("text").put(8U).text("hello");
    b.text("texts").put(9U).put(8U).put(uint64_t{2}).text("a").text("");
    b.text("u64").put(10U).put(~uint64_t{0}).text("i64").put(11U).put(int64_t{-1} << 40);
    b.text("f64").put(12U).put(0.25);
    b.text("numbers").put(9U).put(5U).put(uint64_t{3}).put(1).put(-2).put(3);
    b.text("nested").put(9U).put(9U).put(uint64_t{1}).put(0U).put(uint64_t{2}).put(uint16_t{7});
    tensor(b, "blk.0.attn_q.weight", {3, 2}, 0, 0);
    tensor(b, "blk.0.attn_k.weight", {32, 2}, 8, 32);
    b.pad(32);
    for (int i = 0; i < 6; ++i) b.put(static_cast<float>(i));
    b.pad(32);
    return b.zeros(68);
}

constexpr uint32_t kF32 = 0;

}  // namespace

class TestGgufReader : public QObject {
    Q_OBJECT

 private slots:
    void readsEveryMetadataType_data() {
        QTest::addColumn<uint32_t>("version");
        QTest::newRow("v2") << 2U;
        QTest::newRow("v3") << 3U;
    }
    void readsEveryMetadataType() {
        QFETCH(uint32_t, version);
        const auto opened = openCheckpoint(write(goodFile(version)));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        const Metadata& m = (*opened)->metadata();
        QCOMPARE((*opened)->format(), "GGUF v" + std::to_string(version));
        QCOMPARE(metadataInt(m, "u8"), 200);
        QCOMPARE(metadataInt(m, "i8"), -3);
        QCOMPARE(metadataInt(m, "u16"), 60000);
        QCOMPARE(metadataInt(m, "i16"), -7);
        QCOMPARE(metadataInt(m, "u32"), 4000000000);
        QCOMPARE(metadataInt(m, "i32"), -9);
        QCOMPARE(metadataDouble(m, "f32"), 0.5);
        QCOMPARE(metadataBool(m, "bool"), true);
        QCOMPARE(metadataString(m, "text"), "hello");
        QCOMPARE(*metadataStrings(m, "texts"), (std::vector<std::string>{"a", ""}));
        QCOMPARE(metadataInt(m, "u64"), std::nullopt);
        QCOMPARE(std::get<uint64_t>(m.at("u64")), ~uint64_t{0});
        QCOMPARE(metadataInt(m, "i64"), -(int64_t{1} << 40));
        QCOMPARE(metadataDouble(m, "f64"), 0.25);
        QCOMPARE(*metadataInts(m, "numbers"), (std::vector<int64_t>{1, -2, 3}));
        QVERIFY(!m.contains("nested"));
    }

    void mapsTensorsOutermostFirst() {
        const auto opened = openCheckpoint(write(goodFile(3)));
        QVERIFY(opened);
        const auto entries = (*opened)->tensors();
        QCOMPARE(entries.size(), size_t{2});
        QCOMPARE(entries[0].shape, (Shape{2, 3}));
        QCOMPARE(entries[1].dtype, DType::Q8_0);
        QCOMPARE(entries[1].bytes, uint64_t{68});
        const auto first = (*opened)->load("blk.0.attn_q.weight");
        const auto again = (*opened)->load("blk.0.attn_q.weight");
        QVERIFY(first && again);
        QCOMPARE(first->matrix().at(1, 2), 5.0F);
        QCOMPARE(first->bytes().data(), again->bytes().data());  // both point into the mapping
        QCOMPARE((*opened)->load("none").error().kind, ErrorKind::NotFound);
    }

    void tensorsOutliveTheCheckpoint() {
        auto opened = openCheckpoint(write(goodFile(3)));
        QVERIFY(opened);
        const auto tensorAlone = (*opened)->load("blk.0.attn_q.weight");
        opened->reset();
        QVERIFY(tensorAlone);
        QCOMPARE(tensorAlone->floats()[5], 5.0F);
    }

    /// Another program writes the file again while it is open here: an error, not a bus error.
    void fileThatShrinksIsRefused() {
        const auto path = write(goodFile(3));
        const auto opened = openCheckpoint(path);
        QVERIFY(opened);
        QVERIFY((*opened)->load("blk.0.attn_q.weight"));
        std::filesystem::resize_file(path, 16);
        const auto cut = (*opened)->load("blk.0.attn_q.weight");
        QVERIFY(!cut);
        QCOMPARE(cut.error().kind, ErrorKind::CannotRead);
        QCOMPARE(QString::fromStdString(cut.error().field), QStringLiteral("blk.0.attn_q.weight"));
        // Replaced by a new file, the old one lives on in the mapping.
        const auto other = write(goodFile(3));
        const auto again = openCheckpoint(other);
        QVERIFY(again);
        std::filesystem::remove(other);
        const auto kept = (*again)->load("blk.0.attn_q.weight");
        QVERIFY(kept);
        QCOMPARE(kept->floats()[5], 5.0F);
    }

    void listsTypesItCannotDecode_data() {
        QTest::addColumn<uint32_t>("type");
        QTest::addColumn<QString>("name");
        QTest::newRow("IQ2_XXS") << 16U << "IQ2_XXS";
        QTest::newRow("unknown number") << 9999U << "ggml type 9999";
    }
    void listsTypesItCannotDecode() {
        QFETCH(uint32_t, type);
        QFETCH(QString, name);
        Bytes b = header(3, 2, 0);
        tensor(b, "strange", {256}, type, 0);
        tensor(b, "plain", {1}, kF32, 96);
        b.pad(32).zeros(96).put(1.5F);
        const auto opened = openCheckpoint(write(b));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->tensors()[0].unsupportedType, name.toStdString());
        const auto strange = (*opened)->load("strange");
        QVERIFY(!strange);
        QCOMPARE(strange.error().kind, ErrorKind::Unsupported);
        QCOMPARE(strange.error().field, std::string("strange"));
        QVERIFY(strange.error().message.find(name.toStdString()) != std::string::npos);
        QCOMPARE((*opened)->load("plain")->floats()[0], 1.5F);
    }

    void acceptsEmptyTensorAtTheEnd() {
        Bytes b = header(3, 1, 0);
        tensor(b, "empty", {0}, kF32, 0);
        const auto opened = openCheckpoint(write(b));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->load("empty")->size(), int64_t{0});
    }

    void refusesBadFiles_data();
    void refusesBadFiles() {
        QFETCH(QByteArray, bytes);
        QFETCH(ErrorKind, kind);
        QFETCH(QString, field);
        const QString wrong = test::wrongFailure(write(bytes), kind, field);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void refusesEveryTruncation() {
        const std::string whole = goodFile(3).str();
        for (size_t size = 4; size < whole.size(); ++size) {
            const auto opened = openCheckpoint(write(QByteArray(whole.data(), static_cast<int>(size))));
            QVERIFY2(!opened, qPrintable(QString("opened with %1 of %2 bytes").arg(size).arg(whole.size())));
            QVERIFY(!opened.error().message.empty() && !opened.error().fix.empty());
        }
    }

 private:
    std::string write(const QByteArray& bytes) { return test::writeFile(m_folder, "t.gguf", bytes); }
    QTemporaryDir m_folder;
};

void TestGgufReader::refusesBadFiles_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<ErrorKind>("kind");
    QTest::addColumn<QString>("field");
    const auto row = [](const char* name, const Bytes& bytes, const QString& field,
                        ErrorKind kind = ErrorKind::Malformed) {
        QTest::newRow(name) << QByteArray(bytes) << kind << field;
    };
    const auto key = [](const std::function<void(Bytes&)>& fill) {
        Bytes b = header(3, 0, 1);
        fill(b);
        return b.zeros(64);
    };
    const auto one = [](std::string_view name, std::initializer_list<uint64_t> dims, uint32_t type,
                        uint64_t offset) {
        Bytes b = header(3, 1, 0);
        return tensor(b, name, dims, type, offset).pad(32).zeros(64);
    };
    const auto two = [](std::string_view name, uint64_t offset) {
        Bytes b = header(3, 2, 0);
        tensor(b, "first", {16}, kF32, 0);
        return tensor(b, name, {16}, kF32, offset).pad(32).zeros(160);
    };
    const auto alignment = [&](uint32_t type, uint32_t value) {
        return key([=](Bytes& b) { b.text("general.alignment").put(type).put(value); });
    };

    row("only the magic", Bytes().raw("GGUF"), "header");
    row("version 1", header(1, 0, 0), "version", ErrorKind::Unsupported);
    row("version 99", header(99, 0, 0), "version", ErrorKind::Unsupported);
    row("big endian", header(0x03000000, 0, 0), "version", ErrorKind::Unsupported);
    row("more tensors than bytes", header(3, uint64_t{1} << 60, 0).zeros(100), "tensor_count");
    row("more keys than bytes", header(3, 0, ~uint64_t{0}).zeros(100), "metadata_kv_count");
    row("key longer than the file", header(3, 0, 1).put(~uint64_t{0}).zeros(40), "metadata key 0");
    row("empty key", key([](Bytes& b) { b.text("").put(4U).put(1U); }), "metadata key 0");
    row("NUL in a key", key([](Bytes& b) { b.text({"a\0b", 3}).put(4U).put(1U); }), "metadata key 0");
    row("key is not UTF-8", key([](Bytes& b) { b.text("\xC3(").put(4U).put(1U); }), "metadata key 0");
    row("unknown value type", key([](Bytes& b) { b.text("k").put(13U); }), "k");
    row("text longer than the file", key([](Bytes& b) { b.text("k").put(8U).put(uint64_t{1} << 62); }), "k");
    row("array longer than the file",
        key([](Bytes& b) { b.text("k").put(9U).put(4U).put(uint64_t{1} << 61); }), "k");
    row("array of unknown type", key([](Bytes& b) { b.text("k").put(9U).put(77U).put(uint64_t{1}); }), "k");
    row("text in an array past the end",
        key([](Bytes& b) { b.text("k").put(9U).put(8U).put(uint64_t{2}).text("a").put(uint64_t{1} << 40); }),
        "k");
    row("arrays nested without end", key([](Bytes& b) {
            b.text("k").put(9U);
            for (int i = 0; i < 100; ++i) b.put(9U).put(uint64_t{1});
        }),
        "k");
    row("alignment 0", alignment(4, 0), "general.alignment");
    row("alignment 48", alignment(4, 48), "general.alignment");
    row("alignment 2 GiB", alignment(4, 1U << 31U), "general.alignment");
    row("alignment signed", alignment(5, 32), "general.alignment");
    Bytes twice = header(3, 0, 2);
    row("duplicate key", twice.text("k").put(4U).put(1U).text("k").put(4U).put(2U), "k");
    row("tensor without a name", one("", {16}, kF32, 0), "");
    row("NUL in a tensor's name", one({"a\0b", 3}, {16}, kF32, 0), "a\\x00b");
    row("name longer than 1024", one(std::string(2000, 'x'), {16}, kF32, 0), "tensor 0");
    row("1000 dimensions", header(3, 1, 0).text("t").put(1000U).zeros(9000), "t");
    row("negative dimension", one("t", {~uint64_t{0}}, kF32, 0), "t");
    row("dimensions overflow", one("t", {1ULL << 40U, 1ULL << 40U}, kF32, 0), "t");
    row("dimensions overflow, unknown type", one("t", {1ULL << 40U, 1ULL << 40U}, 4711, 0), "t");
    row("bytes overflow", one("t", {1ULL << 62U}, 28, 0), "t");
    row("block does not divide", one("t", {33}, 8, 0), "t");
    row("block does not divide, type listed only", one("t", {255}, 16, 0), "t");
    row("data past the end", one("t", {17}, kF32, 0), "t");
    row("offset past the end", one("t", {1}, kF32, 1ULL << 40U), "t");
    row("offset overflows", one("t", {1}, kF32, ~uint64_t{0} - 31), "t");
    row("offset not aligned", one("t", {4}, kF32, 4), "t");
    row("offset of an unknown type past the end", one("t", {1}, 4711, 1ULL << 40U), "t");
    row("overlapping", two("second", 32), "second");
    row("same place", two("second", 0), "");
    row("duplicate tensor", two("first", 64), "first");
}

QTEST_APPLESS_MAIN(TestGgufReader)
#include "test_gguf_reader.moc"
