// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <fstream>

#include "io/gguf_writer.h"
#include "sparse_files.h"

using namespace quantscope;

namespace {

/// Memory of this process that is in RAM now, from /proc/self/statm (in pages).
int64_t residentBytes() {
    int64_t total = 0;
    int64_t resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

constexpr int64_t kMiB = 1 << 20;

}  // namespace

class TestLaziness : public QObject {
    Q_OBJECT

 private slots:
    void hugeFilesStayOnDisk_data() {
        QTest::addColumn<QByteArray>("start");
        QTest::addColumn<QString>("first");
        QTest::newRow("gguf") << QByteArray::fromStdString(test::sparseGgufDirectory()) << "blk.0.t0.weight";
        QTest::newRow("safetensors") << QByteArray::fromStdString(test::sparseSafetensorsHeader())
                                     << "layers.0.t0.weight";
    }
    void hugeFilesStayOnDisk() {
        QFETCH(QByteArray, start);
        QFETCH(QString, first);
        QTemporaryDir folder;
        const std::string path = folder.filePath("huge").toStdString();
        if (!test::writeSparse(path, start.toStdString())) QSKIP("this file system has no sparse files");
        const int64_t before = residentBytes();
        const auto opened = openCheckpoint(path);
        QVERIFY2(opened, opened ? "" : describe(opened.error()).c_str());
        QCOMPARE((*opened)->tensors().size(), size_t{test::kSparseTensors});
        // All tensors at once, none read: 100 GiB of addresses.
        std::vector<Tensor> all;
        for (const TensorEntry& entry : (*opened)->tensors()) {
            auto loaded = (*opened)->load(entry.name);
            QVERIFY(loaded);
            all.push_back(std::move(*loaded));
        }
        QVERIFY(residentBytes() - before < 50 * kMiB);
        QVERIFY(residentBytes() < 200 * kMiB);
        // Reading one tensor brings that one into memory, so the measure works.
        const auto one = (*opened)->load(first.toStdString());
        float sum = 0;
        for (const float value : one->floats()) sum += value;
        QCOMPARE(sum, 0.0F);
        QVERIFY(residentBytes() - before > 16 * kMiB);
    }

    void countsWithoutBytesAllocateNothing() {
        QTemporaryDir folder;
        // 2^40 tensors promised by a file that really has 100 GiB, though only zeros.
        test::Bytes bytes;
        bytes.raw("GGUF").put(3U).put(uint64_t{1} << 31U).put(uint64_t{1} << 31U);
        const std::string path = folder.filePath("huge").toStdString();
        if (!test::writeSparse(path, bytes.str())) QSKIP("this file system has no sparse files");
        const int64_t before = residentBytes();
        QVERIFY(!openCheckpoint(path));
        QVERIFY(residentBytes() - before < 20 * kMiB);
    }

    void vocabulariesParseWithoutReadingTensors() {
        QTemporaryDir folder;
        std::vector<std::string> tokens;
        for (int i = 0; i < 150'000; ++i) tokens.push_back("token" + std::to_string(i));
        const std::string path = folder.filePath("v.gguf").toStdString();
        QVERIFY(writeGguf(path, {}, {{"tokenizer.ggml.tokens", tokens}}));
        const auto opened = openCheckpoint(path);
        QVERIFY(opened);
        const auto& read =
            std::get<std::vector<std::string>>((*opened)->metadata().at("tokenizer.ggml.tokens"));
        QVERIFY(read == tokens);
    }
};

QTEST_APPLESS_MAIN(TestLaziness)
#include "test_laziness.moc"
