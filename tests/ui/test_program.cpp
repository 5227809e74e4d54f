// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QImage>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include "support/paths.h"

using namespace quantscope;

namespace {

struct Outcome {
    int exitCode = -1;  ///< -1: it did not start, did not end in five minutes, or crashed
    QByteArray out;
    QByteArray err;
};

Outcome runWindow(const QStringList& arguments, const QProcessEnvironment& environment) {
    QProcess process;
    process.setProcessEnvironment(environment);
    process.start(QString::fromStdString(test::binaryPath("bin/quantscope")), arguments);
    Outcome outcome;
    if (process.waitForFinished(300'000) && process.exitStatus() == QProcess::NormalExit)
        outcome.exitCode = process.exitCode();
    outcome.out = process.readAllStandardOutput();
    outcome.err = process.readAllStandardError();
    return outcome;
}

QProcessEnvironment withoutDisplay() {
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        environment.remove(QLatin1String(name));
    return environment;
}

QProcessEnvironment offscreen() {
    QProcessEnvironment environment = withoutDisplay();
    environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
    return environment;
}

}  // namespace

/// The window's program as it is started from a shell.
class TestUiProgram : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void helpAndVersionNeedNoDisplay();
    void pictureOfABareFileIsGood();
    void brokenFileMakesThePictureFail();

 private:
    QTemporaryDir m_folder;
};

void TestUiProgram::helpAndVersionNeedNoDisplay() {
    for (const char* argument : {"--help", "-h"}) {
        const Outcome help = runWindow({QLatin1String(argument)}, withoutDisplay());
        QCOMPARE(help.exitCode, 0);
        QVERIFY2(help.out.contains("--screenshot"), help.out.constData());
    }
    const Outcome version = runWindow({QStringLiteral("--version")}, withoutDisplay());
    QCOMPARE(version.exitCode, 0);
    QVERIFY2(version.out.startsWith("quantscope "), version.out.constData());
}

void TestUiProgram::pictureOfABareFileIsGood() {
    // A model's tensors without its configuration: a note says that it is no model, and the picture is right.
    const QString file = m_folder.filePath(QStringLiteral("weights.safetensors"));
    QVERIFY(
        QFile::copy(QString::fromStdString(test::sourcePath("samples/tiny-llama/model.safetensors")), file));
    const QString picture = m_folder.filePath(QStringLiteral("tensor.png"));
    const Outcome run =
        runWindow({QStringLiteral("--screenshot"), QStringLiteral("tensor"), picture, file}, offscreen());
    QVERIFY2(run.exitCode == 0, run.err.constData());
    QVERIFY(!QImage(picture).isNull());
}

void TestUiProgram::brokenFileMakesThePictureFail() {
    const QString path = m_folder.filePath(QStringLiteral("broken.gguf"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("GGUF but not really");
    file.close();
    const QString picture = m_folder.filePath(QStringLiteral("broken.png"));
    const Outcome run =
        runWindow({QStringLiteral("--screenshot"), QStringLiteral("tensor"), picture, path}, offscreen());
    QCOMPARE(run.exitCode, 3);
}

QTEST_GUILESS_MAIN(TestUiProgram)
#include "test_program.moc"
