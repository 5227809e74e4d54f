// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <unistd.h>

#include <QDir>
#include <QTest>
#include <csignal>

#include "file_builder.h"
#include "io/gguf_writer.h"
#include "io/npy_writer.h"
#include "io/safetensors_writer.h"

using namespace quantscope;

namespace {

/// Lets no file of this process grow beyond `bytes`: writing more fails as on a full disk.
class FileSizeLimit {
 public:
    explicit FileSizeLimit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &m_old);
        const rlimit limit{bytes, m_old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &m_old); }

 private:
    rlimit m_old{};
};

/// Root may write into any folder; in a container the tests run as root, so they become another user.
class WithoutPrivileges {
 public:
    WithoutPrivileges() : m_user(geteuid()) {
        if (m_user == 0 && seteuid(65534) != 0) qFatal("cannot become another user");
    }
    WithoutPrivileges(const WithoutPrivileges&) = delete;
    WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;
    ~WithoutPrivileges() {
        if (m_user == 0 && seteuid(0) != 0) qFatal("cannot become root again");
    }

 private:
    uid_t m_user;
};

Status writeAs(const QString& format, const std::string& path, const Tensor& tensor) {
    if (format == "npy") return writeNpy(path, tensor);
    if (format == "gguf") return writeGguf(path, {outputTensor("t", tensor)}, {});
    return writeSafetensors(path, {outputTensor("t", tensor)});
}

void formatRows() {
    QTest::addColumn<QString>("format");
    for (const char* format : {"npy", "gguf", "safetensors"}) QTest::newRow(format) << format;
}

}  // namespace

class TestWriteFailures : public QObject {
    Q_OBJECT

 private slots:
    void fullDiskLeavesTheOldFile_data() { formatRows(); }
    void fullDiskLeavesTheOldFile() {
        QFETCH(QString, format);
        QTemporaryDir folder;
        const std::string path = test::writeFile(folder, "t", "the old file");
        Status status;
        {
            const FileSizeLimit limit(100'000);
            status = writeAs(format, path, Tensor::fromFloats({100'000}, std::vector<float>(100'000)));
        }
        QVERIFY(!status);
        QCOMPARE(status.error().kind, ErrorKind::CannotWrite);
        QCOMPARE(status.error().file, path);
        QVERIFY(!status.error().fix.empty());
        checkOldFile(folder);
    }

    void unwritableFolderLeavesTheOldFile_data() { formatRows(); }
    void unwritableFolderLeavesTheOldFile() {
        QFETCH(QString, format);
        QTemporaryDir folder;
        const std::string path = test::writeFile(folder, "t", "the old file");
        QFile::setPermissions(folder.path(), QFile::ReadOwner | QFile::ExeOwner);
        Status status;
        {
            const WithoutPrivileges user;
            status = writeAs(format, path, Tensor::fromFloats({1}, {1}));
        }
        QFile::setPermissions(folder.path(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        QVERIFY(!status);
        QCOMPARE(status.error().kind, ErrorKind::CannotWrite);
        checkOldFile(folder);
    }

    void missingFolderIsNamed_data() { formatRows(); }
    void missingFolderIsNamed() {
        QFETCH(QString, format);
        QTemporaryDir folder;
        const std::string path = folder.filePath("none/t").toStdString();
        const Status status = writeAs(format, path, Tensor::fromFloats({1}, {1}));
        QVERIFY(!status);
        QCOMPARE(status.error().kind, ErrorKind::CannotWrite);
        QCOMPARE(status.error().file, path);
    }

    void targetThatIsAFolder_data() { formatRows(); }
    void targetThatIsAFolder() {
        QFETCH(QString, format);
        QTemporaryDir folder;
        QVERIFY(QDir(folder.path()).mkdir("t"));
        const Status status =
            writeAs(format, folder.filePath("t").toStdString(), Tensor::fromFloats({1}, {1}));
        QVERIFY(!status);
        QCOMPARE(QDir(folder.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList{"t"});
    }

    void aTensorThatCannotBeMadeLeavesTheOldFile() {
        QTemporaryDir folder;
        const std::string path = test::writeFile(folder, "t", "the old file");
        OutputTensor bad = outputTensor("t", Tensor::fromFloats({1}, {1}));
        bad.load = [] { return Result<Tensor>(fail(ErrorKind::CannotRead, "gone", "t", "Try again")); };
        QVERIFY(!writeGguf(path, {bad}, {}));
        QVERIFY(!writeSafetensors(path, {bad}));
        checkOldFile(folder);
    }

 private:
    /// The old contents, and no temporary file beside them.
    static void checkOldFile(const QTemporaryDir& folder) {
        QCOMPARE(QDir(folder.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot | QDir::Hidden),
                 QStringList{"t"});
        QFile file(folder.filePath("t"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), QByteArray("the old file"));
    }
};

QTEST_APPLESS_MAIN(TestWriteFailures)
#include "test_write_failures.moc"
