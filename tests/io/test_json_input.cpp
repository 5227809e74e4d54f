// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "io/json_input.h"

using namespace quantscope;

class TestJsonInput : public QObject {
    Q_OBJECT

 private slots:
    void buildsTheSameDocumentAsTheLibrary() {
        const std::string text =
            R"({"a":[1,-2,3.5,true,null,{"b":[]}],"c":{"d":"\u00e9\n","e":{}},"f":18446744073709551615})";
        const auto parsed = parseJson(text);
        QVERIFY2(parsed, parsed ? "" : describe(parsed.error()).c_str());
        QVERIFY((*parsed == nlohmann::json::parse(text)));
    }

    void allowsNestingUpToTheLimit() {
        const std::string text = std::string(5, '[') + std::string(5, ']');
        QVERIFY(parseJson(text, 5).has_value());
        QVERIFY(!parseJson(text, 4).has_value());
    }

    void refuses_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("message");
        QTest::newRow("empty") << QByteArray() << "";
        QTest::newRow("cut off") << QByteArray("{\"a\":1") << "";
        QTest::newRow("text after the value") << QByteArray("{} {}") << "";
        QTest::newRow("equal keys") << QByteArray(R"({"a":1,"b":{"a":2},"a":3})") << "\"a\" appears twice";
        QTest::newRow("deep lists") << QByteArray(1 << 20, '[') << "64 levels";
        QTest::newRow("deep objects") << QByteArray(R"({"a":)").repeated(100000) << "64 levels";
        QTest::newRow("not UTF-8") << QByteArray("\"\xC3(\"") << "UTF-8";
        QTest::newRow("number too large") << QByteArray("1e999") << "";
        QTest::newRow("comment") << QByteArray("/* */ 1") << "";
        QTest::newRow("NaN") << QByteArray("NaN") << "";
    }
    void refuses() {
        QFETCH(QByteArray, text);
        QFETCH(QString, message);
        const auto parsed = parseJson(text.toStdString());
        QVERIFY(!parsed);
        QCOMPARE(parsed.error().kind, ErrorKind::Malformed);
        QVERIFY2(QString::fromStdString(parsed.error().message).contains(message),
                 parsed.error().message.c_str());
    }

    void tellsThePosition() {
        const auto parsed = parseJson("{\n  \"a\": oops\n}");
        QVERIFY(!parsed);
        QVERIFY2(parsed.error().field.find("line 2") != std::string::npos, parsed.error().field.c_str());
    }
};

QTEST_APPLESS_MAIN(TestJsonInput)
#include "test_json_input.moc"
