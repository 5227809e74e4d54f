// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include "program.h"

using namespace quantscope;
using test::Outcome;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // its shadow memory alone is larger than any limit
#else
constexpr bool kSanitized = false;
#endif

Outcome runWithin(int mebibytes, const QStringList& arguments) {
    QProcess process;
    process.setChildProcessModifier([mebibytes] {
        const rlim_t bytes = static_cast<rlim_t>(mebibytes) << 20;
        const rlimit limit{bytes, bytes};
        setrlimit(RLIMIT_AS, &limit);
    });
    process.start(QString::fromStdString(test::binaryPath("bin/quantscope-cli")), arguments);
    Outcome outcome;
    if (process.waitForFinished(300'000) && process.exitStatus() == QProcess::NormalExit)
        outcome.exitCode = process.exitCode();
    outcome.out = process.readAllStandardOutput();
    outcome.err = process.readAllStandardError();
    return outcome;
}

}  // namespace

/// Where the system refuses memory: a sentence and an exit code, whatever the point, never an abort.
class TestCliMemory : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() {
        if (kSanitized) QSKIP("sanitizers need more address space than a limit leaves");
    }

    void aFileThatCannotBeMappedSaysItsSize() {
        QFile file(m_folder.filePath("large.gguf"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QVERIFY(file.resize(qint64{8} << 30));  // sparse
        file.close();
        const Outcome run = runWithin(1024, {"inspect", file.fileName()});
        QCOMPARE(run.exitCode, 3);
        QVERIFY2(run.err.contains("large.gguf: not enough memory for a view of this file: needs 8.0 GiB"),
                 run.err.constData());
    }

    /// The limits at which loading, calibration, factorizations and scoring are where it ends.
    void evaluationsEndWithAnError() {
        const QString model = QString::fromStdString(test::sourcePath("samples/tiny-llama"));
        const QString text = QString::fromStdString(test::sourcePath("samples/text/held-out.txt"));
        int refused = 0;
        for (int limit = 64; limit <= 256; limit += 16) {
            const Outcome run = runWithin(
                limit,
                {"eval", "--model", model, "--text", text, "--calibration", text, "--calibration-chunks", "1",
                 "--variants", "float; gptq/int4/group=64; w8a8/token", "--window", "128", "--chunks", "1"});
            constexpr int kLoaderFailed = 127;  // the libraries alone need more than the limit
            QVERIFY2(run.exitCode == 0 || run.exitCode == 3 || run.exitCode == kLoaderFailed,
                     qPrintable(QString("%1 MiB: %2 %3").arg(limit).arg(run.exitCode).arg(QString(run.err))));
            if (run.exitCode == 3) QVERIFY2(run.err.contains("error: "), run.err.constData());
            if (run.err.contains("not enough memory")) ++refused;
        }
        QVERIFY(refused > 0);
    }

 private:
    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(TestCliMemory)
#include "test_cli_memory.moc"
