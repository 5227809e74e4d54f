// SPDX-License-Identifier: Apache-2.0
#include <QDir>
#include <QTest>

#include "file_builder.h"
#include "io/metadata.h"
#include "io/safetensors_writer.h"

using namespace quantscope;

namespace {

constexpr const char* kIndex = "model.safetensors.index.json";

QByteArray indexText(const QByteArray& map) {
    return R"({"metadata":{"total_size":8},"weight_map":)" + map + "}";
}

}  // namespace

class TestShardedReader : public QObject {
    Q_OBJECT

 private slots:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        writeShard("one.safetensors", "a", 1);
        writeShard("two.safetensors", "b", 2);
    }

    void opensIndexAndFolder() {
        const std::string index =
            test::writeFile(*m_folder, kIndex, indexText(R"({"a":"one.safetensors","b":"two.safetensors"})"));
        test::writeFile(*m_folder, "config.json", R"({"model_type":"llama"})");
        for (const std::string& path : {index, m_folder->path().toStdString()}) {
            const auto opened = openCheckpoint(path);
            QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
            QCOMPARE((*opened)->format(), std::string("safetensors (2 shards)"));
            QCOMPARE((*opened)->path().string(), m_folder->path().toStdString());
            QCOMPARE((*opened)->tensors().size(), size_t{2});
            QCOMPARE((*opened)->load("b")->floats()[0], 2.0F);
        }
        const auto folder = openCheckpoint(m_folder->path().toStdString());
        QCOMPARE(metadataString((*folder)->metadata(), "config.json"), R"({"model_type":"llama"})");
    }

    void opensFolderWithoutIndex() {
        test::writeFile(*m_folder, "config.json", "{}");
        const auto opened = openCheckpoint(m_folder->path().toStdString());
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->load("a")->floats()[0], 1.0F);
        QCOMPARE((*opened)->load("b")->floats()[0], 2.0F);
    }

    void folderWithoutIndexRefusesEqualNames() {
        test::writeFile(*m_folder, "config.json", "{}");
        writeShard("three.safetensors", "a", 3);
        expectFolderFailure(ErrorKind::Malformed, "a");
    }

    void folderWithoutConfig() { expectFolderFailure(ErrorKind::NotFound, ""); }

    void folderWithoutTensors() {
        QTemporaryDir other;
        test::writeFile(other, "config.json", "{}");
        const QString wrong = test::wrongFailure(other.path().toStdString(), ErrorKind::NotFound, "");
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void refusesBadIndexes_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<ErrorKind>("kind");
        QTest::addColumn<QString>("field");
        const auto row = [](const char* name, const QByteArray& map, const QString& field,
                            ErrorKind kind = ErrorKind::Malformed) {
            QTest::newRow(name) << indexText(map) << kind << field;
        };
        row("missing shard", R"({"a":"none.safetensors"})", "", ErrorKind::NotFound);
        row("tensor not in its shard", R"({"a":"two.safetensors"})", "a");
        row("path traversal", R"({"a":"../one.safetensors"})", "a");
        row("absolute path", R"({"a":"/etc/passwd"})", "a");
        row("folder", R"({"a":"sub/one.safetensors"})", "a");
        row("backslash", R"({"a":"..\\one.safetensors"})", "a");
        row("parent", R"({"a":".."})", "a");
        row("NUL in the file name", R"({"a":"one.safetensors\u0000.x"})", "a");
        row("empty file name", R"({"a":""})", "a");
        row("file name is a number", R"({"a":5})", "a");
        row("map is a list", "[]", "weight_map");
        row("empty map", "{}", "weight_map");
        row("duplicate tensor", R"({"a":"one.safetensors","a":"two.safetensors"})", "");
        QTest::newRow("no map") << QByteArray("{}") << ErrorKind::Malformed << "weight_map";
        QTest::newRow("cut off") << QByteArray("{\"weight_map\":{") << ErrorKind::Malformed << "line 1";
        QTest::newRow("deep") << QByteArray("{\"a\":") + QByteArray(200000, '[') << ErrorKind::Malformed
                              << "";
    }
    void refusesBadIndexes() {
        QFETCH(QByteArray, text);
        QFETCH(ErrorKind, kind);
        QFETCH(QString, field);
        const QString wrong = test::wrongFailure(test::writeFile(*m_folder, kIndex, text), kind, field);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void namesTheDamagedShard() {
        const std::string index = test::writeFile(*m_folder, kIndex, indexText(R"({"a":"one.safetensors"})"));
        const std::string shard = test::writeFile(*m_folder, "one.safetensors", "short");
        const auto opened = openCheckpoint(index);
        QVERIFY(!opened);
        QCOMPARE(opened.error().file, shard);
    }

 private:
    void writeShard(const char* name, const char* tensor, float value) {
        const auto path = m_folder->filePath(name).toStdString();
        const auto status = writeSafetensors(path, {outputTensor(tensor, Tensor::fromFloats({1}, {value}))});
        if (!status) qFatal("%s", describe(status.error()).c_str());
    }
    void expectFolderFailure(ErrorKind kind, const QString& field) {
        const QString wrong = test::wrongFailure(m_folder->path().toStdString(), kind, field);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_APPLESS_MAIN(TestShardedReader)
#include "test_sharded_reader.moc"
