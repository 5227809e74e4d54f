// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <cmath>
#include <limits>

#include "file_builder.h"
#include "io/csv_reader.h"
#include "io/metadata.h"

using namespace quantscope;

class TestCsvReader : public QObject {
    Q_OBJECT

 private slots:
    void readsTables_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::newRow("commas") << QByteArray("1,2,3\n4,5,6\n");
        QTest::newRow("no line break at the end") << QByteArray("1,2,3\n4,5,6");
        QTest::newRow("Windows line breaks") << QByteArray("1,2,3\r\n4,5,6\r\n");
        QTest::newRow("semicolons") << QByteArray("1;2;3\n4;5;6\n");
        QTest::newRow("tabs") << QByteArray("1\t2\t3\n4\t5\t6\n");
        QTest::newRow("blanks") << QByteArray("  1   2 3\n4 5 6\n");
        QTest::newRow("header") << QByteArray("a, b, c\n1,2,3\n4,5,6\n");
        QTest::newRow("comments and empty lines") << QByteArray("# note\n\n1,2,3\n\n4,5,6\n#\n");
        QTest::newRow("byte order mark") << QByteArray(
            "\xEF\xBB\xBF"
            "1,2,3\n4,5,6\n");
        QTest::newRow("signs and exponents") << QByteArray("+1,2e0,30e-1\n0.4e1,5.,6.00\n");
    }
    void readsTables() {
        QFETCH(QByteArray, text);
        const auto opened = openCheckpoint(test::writeFile(m_folder, "table.csv", text));
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        const auto loaded = (*opened)->load("table");
        QVERIFY(loaded);
        QCOMPARE(loaded->shape(), (Shape{2, 3}));
        for (int i = 0; i < 6; ++i)
            QCOMPARE(loaded->floats()[static_cast<size_t>(i)], static_cast<float>(i + 1));
    }

    void keepsColumnNames() {
        const auto opened = openCheckpoint(test::writeFile(m_folder, "table.csv", "width,height\n1,2\n"));
        QVERIFY(opened);
        QCOMPARE(*metadataStrings((*opened)->metadata(), "columns"),
                 (std::vector<std::string>{"width", "height"}));
    }

    void readsNonFiniteAndTinyNumbers() {
        const auto table = parseCsv("nan,inf,-inf,1e-400,1e-42\n");
        QVERIFY2(table, table ? "" : describe(table.error()).c_str());
        QVERIFY(std::isnan(table->values[0]));
        QCOMPARE(table->values[1], std::numeric_limits<float>::infinity());
        QCOMPARE(table->values[2], -std::numeric_limits<float>::infinity());
        QCOMPARE(table->values[3], 0.0F);
        QCOMPARE(table->values[4], 1e-42F);
    }

    void refusesBadTables_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("field");
        QTest::newRow("empty") << QByteArray("# nothing\n") << "line 1";
        QTest::newRow("header alone") << QByteArray("a,b\n") << "line 1";
        QTest::newRow("a word") << QByteArray("1,2\n3,x\n") << "line 2, column 2";
        QTest::newRow("an empty field") << QByteArray("1,2\n3,\n") << "line 2, column 2";
        QTest::newRow("short line") << QByteArray("1,2\n3\n") << "line 2";
        QTest::newRow("long line") << QByteArray("1,2\n3,4,5\n") << "line 2";
        QTest::newRow("longer than the header") << QByteArray("a,b\n3,4,5\n") << "line 2";
        QTest::newRow("too large for a float") << QByteArray("1,1e39\n") << "line 1, column 2";
        QTest::newRow("too large for a double") << QByteArray("1,-1e999\n") << "line 1, column 2";
        QTest::newRow("hexadecimal") << QByteArray("1,0x10\n") << "line 1, column 2";
        QTest::newRow("digits, then text") << QByteArray("1,2abc\n") << "line 1, column 2";
    }
    void refusesBadTables() {
        QFETCH(QByteArray, text);
        QFETCH(QString, field);
        const QString wrong =
            test::wrongFailure(test::writeFile(m_folder, "t.csv", text), ErrorKind::Malformed, field);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void refusesFilesOfNoKnownFormat_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<ErrorKind>("kind");
        QTest::newRow("empty") << QByteArray() << ErrorKind::Malformed;
        QTest::newRow("blanks") << QByteArray("  \n") << ErrorKind::Unsupported;
        QTest::newRow("binary") << QByteArray(100, '\x01') << ErrorKind::Unsupported;
        QTest::newRow("UTF-16 text") << QByteArray(
                                            "\xFF\xFE"
                                            "1\0,\0"
                                            "2\0",
                                            8)
                                     << ErrorKind::Unsupported;
    }
    void refusesFilesOfNoKnownFormat() {
        QFETCH(QByteArray, bytes);
        QFETCH(ErrorKind, kind);
        const QString wrong = test::wrongFailure(test::writeFile(m_folder, "t", bytes), kind, "format");
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void namesWhatCannotBeOpened() {
        const QString missing = test::wrongFailure("/nowhere/at/all.gguf", ErrorKind::NotFound, "");
        QVERIFY2(missing.isEmpty(), qPrintable(missing));
        const QString device = test::wrongFailure("/dev/null", ErrorKind::CannotRead, "");
        QVERIFY2(device.isEmpty(), qPrintable(device));
    }

 private:
    QTemporaryDir m_folder;
};

QTEST_APPLESS_MAIN(TestCsvReader)
#include "test_csv_reader.moc"
