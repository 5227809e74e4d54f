// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "zip_builder.h"

using namespace quantscope;
using test::Bytes;

namespace {

Bytes npy(std::string_view dict, uint8_t version = 1) {
    Bytes bytes;
    bytes.raw("\x93NUMPY").put(version).put(uint8_t{0});
    if (version == 1) bytes.put(static_cast<uint16_t>(dict.size()));
    if (version != 1) bytes.put(static_cast<uint32_t>(dict.size()));
    return bytes.raw(dict);
}

std::string dict(const std::string& descr, const std::string& order, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

/// A 2 x 3 matrix 0..5 as it lies in memory.
Bytes matrix(const std::string& order, uint8_t version = 1) {
    Bytes bytes = npy(dict("'<f4'", order, "(2, 3)"), version);
    const bool fortran = order == "True";
    for (const int i : {0, 1, 2, 3, 4, 5}) bytes.put(static_cast<float>(fortran ? i / 2 + i % 2 * 3 : i));
    return bytes;
}

}  // namespace

class TestNpyReader : public QObject {
    Q_OBJECT

 private slots:
    void readsBothOrdersAndAllVersions_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("C order, version 1") << QByteArray(matrix("False"));
        QTest::newRow("Fortran order") << QByteArray(matrix("True"));
        QTest::newRow("C order, version 2") << QByteArray(matrix("False", 2));
        QTest::newRow("C order, version 3") << QByteArray(matrix("False", 3));
    }
    void readsBothOrdersAndAllVersions() {
        QFETCH(QByteArray, bytes);
        const auto opened = openCheckpoint(test::writeFile(m_folder, "weights.npy", bytes));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        const auto loaded = (*opened)->load("weights");
        QVERIFY2(loaded, loaded ? "" : describe(loaded.error()).c_str());
        QCOMPARE(loaded->shape(), (Shape{2, 3}));
        for (int i = 0; i < 6; ++i) QCOMPARE(loaded->floats()[static_cast<size_t>(i)], static_cast<float>(i));
    }

    void readsEveryType_data() {
        QTest::addColumn<QString>("descr");
        QTest::addColumn<DType>("dtype");
        const std::pair<const char*, DType> types[] = {
            {"<f8", DType::F64}, {"<f4", DType::F32}, {"<f2", DType::F16}, {"<i8", DType::I64},
            {"<i4", DType::I32}, {"<i2", DType::I16}, {"|i1", DType::I8},  {"<u8", DType::U64},
            {"<u4", DType::U32}, {"<u2", DType::U16}, {"|u1", DType::U8},  {"|b1", DType::Bool}};
        for (const auto& [descr, dtype] : types) QTest::newRow(descr) << descr << dtype;
    }
    void readsEveryType() {
        QFETCH(QString, descr);
        QFETCH(DType, dtype);
        Bytes bytes = npy(dict("'" + descr.toStdString() + "'", "False", "(3,)"));
        bytes.zeros(static_cast<size_t>(3 * infoOf(dtype).blockBytes));
        const auto opened = openCheckpoint(test::writeFile(m_folder, "t.npy", bytes));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->load("t")->dtype(), dtype);
    }

    void listsTypesItCannotLoad_data() {
        QTest::addColumn<QString>("descr");
        for (const char* descr : {"'>f4'", "'<c8'", "'<U5'", "'|O'", "[('x', '<f4'), ('y', '<i4', (2,))]"})
            QTest::newRow(descr) << descr;
    }
    void listsTypesItCannotLoad() {
        QFETCH(QString, descr);
        const QByteArray bytes = npy(dict(descr.toStdString(), "False", "(2,)")).zeros(16);
        const auto opened = openCheckpoint(test::writeFile(m_folder, "t.npy", bytes));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QVERIFY(!(*opened)->tensors()[0].unsupportedType.empty());
        QCOMPARE((*opened)->load("t").error().kind, ErrorKind::Unsupported);
    }

    void readsArchives_data() {
        QTest::addColumn<bool>("deflate");
        QTest::newRow("stored") << false;
        QTest::newRow("deflated") << true;
    }
    void readsArchives() {
        QFETCH(bool, deflate);
        const QByteArray bytes = test::zipFile({{"w.npy", matrix("False").str(), deflate},
                                                {"f.npy", matrix("True").str(), deflate},
                                                {"note.txt", "hello", deflate}});
        const auto opened = openCheckpoint(test::writeFile(m_folder, "t.npz", bytes));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->format(), std::string("npz"));
        QCOMPARE((*opened)->tensors().size(), size_t{2});
        for (const char* name : {"w", "f"}) {
            const auto loaded = (*opened)->load(name);
            QVERIFY2(loaded, loaded ? "" : describe(loaded.error()).c_str());
            QCOMPARE(loaded->matrix().at(1, 0), 3.0F);
        }
    }

    void noticesDamagedCompression() {
        const Bytes whole =
            test::zipFile({{"w.npy", npy(dict("'|u1'", "False", "(100000,)")).zeros(100000).str(), true}});
        std::string bytes = whole.str();
        const size_t end = bytes.find("PK\x01\x02");
        for (size_t i = end - 20; i < end; ++i) bytes[i] = '\x55';
        const auto opened =
            openCheckpoint(test::writeFile(m_folder, "t.npz", QByteArray::fromStdString(bytes)));
        if (opened) QCOMPARE((*opened)->load("w").error().kind, ErrorKind::Malformed);
        if (!opened) QCOMPARE(opened.error().kind, ErrorKind::Malformed);
    }

    void refusesBadFiles_data();
    void refusesBadFiles() {
        QFETCH(QByteArray, bytes);
        QFETCH(ErrorKind, kind);
        QFETCH(QString, field);
        const QString wrong = test::wrongFailure(test::writeFile(m_folder, "t.npy", bytes), kind, field);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void refusesEveryTruncation() {
        const std::string archives[] = {matrix("False").str(),
                                        test::zipFile({{"w.npy", matrix("False").str(), true}}).str()};
        for (const std::string& whole : archives) {
            for (size_t size = 6; size < whole.size(); ++size) {
                const auto path =
                    test::writeFile(m_folder, "t.npy", QByteArray(whole.data(), static_cast<int>(size)));
                QVERIFY2(!openCheckpoint(path), qPrintable(QString("opened with %1 bytes").arg(size)));
            }
        }
    }

 private:
    QTemporaryDir m_folder;
};

void TestNpyReader::refusesBadFiles_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<ErrorKind>("kind");
    QTest::addColumn<QString>("field");
    const auto row = [](const char* name, const Bytes& bytes, const QString& field,
                        ErrorKind kind = ErrorKind::Malformed) {
        QTest::newRow(name) << QByteArray(bytes) << kind << field;
    };
    const auto shape = [&](const char* name, const char* text) {
        row(name, npy(dict("'<f4'", "False", text)).zeros(16), "shape");
    };
    const auto zip = [&](const char* name, const test::ZipSource& member, const QString& field,
                         ErrorKind kind = ErrorKind::Malformed) {
        row(name, test::zipFile({member}), field, kind);
    };
    row("version 9", npy(dict("'<f4'", "False", "(1,)"), 9), "version", ErrorKind::Unsupported);
    row("header longer than the file", Bytes().raw("\x93NUMPY\x01").zeros(1).put(uint16_t{60000}).raw("{}"),
        "header length");
    row("header of 4 GiB", Bytes().raw("\x93NUMPY\x02").zeros(1).put(~uint32_t{0}).raw("{}"),
        "header length");
    row("no dictionary", npy("hello"), "header");
    row("dictionary does not end", npy("{'descr': '<f4'"), "descr");
    row("text after the dictionary", npy(dict("'<f4'", "False", "(1,)") + "x"), "header");
    row("no shape", npy("{'descr': '<f4', 'fortran_order': False}"), "header");
    row("descr twice", npy("{'descr': '<f4', 'descr': '<f4'}"), "descr");
    row("order is a number", npy(dict("'<f4'", "1", "(1,)")), "fortran_order");
    row("record without end", npy("{'descr': [('x', '<f4')"), "descr");
    shape("shape is a list", "[2]");
    shape("negative dimension", "(-1,)");
    shape("dimension of 2^64", "(18446744073709551616,)");
    shape("dimensions overflow", "(4294967296, 4294967296, 4)");
    shape("data too short", "(5,)");
    shape("shape does not end", "(1, 2");

    const std::string good = matrix("False").str();
    const std::string header = npy(dict("'<f4'", "False", "(100000000,)")).str();
    row("no end record", Bytes().raw("PK\x03\x04").zeros(100), "directory");
    zip("encrypted", {"w.npy", good, false, 1}, "w.npy", ErrorKind::Unsupported);
    zip("LZMA", {"w.npy", good, false, 0, 14}, "w.npy", ErrorKind::Unsupported);
    zip("local header past the end", {"w.npy", good, false, 0, -1, -1, 1 << 30}, "w.npy");
    zip("stored size contradicts", {"w.npy", good, false, 0, -1, 5}, "w.npy");
    zip("ratio that deflate cannot reach", {"w.npy", good, true, 0, -1, 4000000000}, "w.npy");
    zip("member shorter than its shape", {"w.npy", header, false}, "shape");
    zip("inflated size too large", {"w.npy", good, true, 0, -1, 5000}, "w.npy");
    zip("NUL in a name", {std::string("a\0b.npy", 7), good, false}, "a\\x00b");
    zip("PyTorch archive", {"archive/data.pkl", good, false}, "format", ErrorKind::Unsupported);
    row("duplicate member", test::zipFile({{"w.npy", good, false}, {"w.npy", good, false}}), "w");
    row("members overlap", test::zipFile({{"a.npy", good, false}, {"b.npy", good, false, 0, -1, -1, 0}}),
        ".npy");
    row("pickle", Bytes().raw("\x80\x02").zeros(50), "format", ErrorKind::Unsupported);
}

QTEST_APPLESS_MAIN(TestNpyReader)
#include "test_npy_reader.moc"
