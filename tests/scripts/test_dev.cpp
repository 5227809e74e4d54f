// SPDX-License-Identifier: Apache-2.0
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>

#include "support/paths.h"

using namespace quantscope;

namespace {

struct Outcome {
    int exitCode = -1;
    QString text;  ///< what it printed, errors included
};

/// A copy of the scripts in an empty checkout, with commands of its own before those of the system.
class Checkout {
 public:
    Checkout() {
        for (const char* script : {"dev", "tests/long.sh", "tests/format.sh"}) {
            const QString to = path(script);
            QDir().mkpath(QFileInfo(to).path());
            QFile::copy(QString::fromStdString(test::sourcePath(script)), to);
        }
    }
    [[nodiscard]] QString path(const QString& name) const { return m_folder.filePath(name); }

    void write(const QString& name, const QString& text) const {
        QDir().mkpath(QFileInfo(path(name)).path());
        QFile file(path(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text.toUtf8());
        file.close();
        QVERIFY(file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner));
    }
    void command(const QString& name, const QString& body) const {
        write("stubs/" + name, "#!/bin/sh\n" + body + "\n");
    }
    [[nodiscard]] QString read(const QString& name) const {
        QFile file(path(name));
        return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
    }
    [[nodiscard]] Outcome run(const QStringList& words) const {
        QProcess process;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("PATH", path("stubs") + ":" + environment.value("PATH"));
        process.setProcessEnvironment(environment);
        process.setWorkingDirectory(m_folder.path());
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start("sh", words);
        Outcome outcome;
        if (process.waitForFinished(60'000)) outcome.exitCode = process.exitCode();
        outcome.text = QString::fromUtf8(process.readAll());
        return outcome;
    }

 private:
    QTemporaryDir m_folder;
};

/// Everything that ./dev asks for, as the package system tells it; `svg` says how libqt6svg6-dev is there.
QString packages(const QString& svg) {
    QString text;
    for (const char* name : {"g++",
                             "cmake",
                             "ninja-build",
                             "ccache",
                             "pkg-config",
                             "libeigen3-dev",
                             "libdnnl-dev",
                             "libexpected-dev",
                             "nlohmann-json3-dev",
                             "libfmt-dev",
                             "libcli11-dev",
                             "libpcre2-dev",
                             "zlib1g-dev",
                             "qt6-base-dev",
                             "libqcustomplot-dev",
                             "libgl1-mesa-dev",
                             "libbenchmark-dev",
                             "ocl-icd-opencl-dev",
                             "fonts-inter",
                             "fonts-jetbrains-mono",
                             "fonts-noto-core",
                             "xvfb",
                             "xauth"})
        text += QString("ii |%1, \n").arg(name);
    return "cat <<'END'\n" + text + svg + "\nEND";
}

}  // namespace

/// ./dev and the long checks, with stubs in the place of the package system, the compiler and git.
class TestScriptsDev : public QObject {
    Q_OBJECT
 private slots:
    void nothingIsInstalledThatIsProvided_data();
    void nothingIsInstalledThatIsProvided();
    void longPartsAreListedAndChecked();
    void longPartsGoOnAndAreNotRepeated();
    void uncommittedChangesAreNoCommit();
};

void TestScriptsDev::nothingIsInstalledThatIsProvided_data() {
    QTest::addColumn<QString>("svg");
    QTest::addColumn<bool>("installs");
    QTest::newRow("provided by another") << "ii |qt6-svg-dev, libqt6svg6-dev (= 6.4.2-2)" << false;
    QTest::newRow("one of several") << "ii |qt6-svg-dev, other, libqt6svg6-dev" << false;
    QTest::newRow("a package of its own") << "ii |libqt6svg6-dev, " << false;
    QTest::newRow("held back") << "hi |libqt6svg6-dev, " << false;
    QTest::newRow("removed, its configuration is left") << "rc |libqt6svg6-dev, " << true;
    QTest::newRow("another name that begins alike") << "ii |libqt6svg6-dev-doc, " << true;
}

void TestScriptsDev::nothingIsInstalledThatIsProvided() {
    QFETCH(QString, svg);
    QFETCH(bool, installs);
    const Checkout checkout;
    checkout.command("dpkg-query", packages(svg));
    checkout.command("apt-get", "echo \"$@\" >> apt-get.log");
    checkout.command("id", "echo 0");
    checkout.command("cmake", "exit 0");
    checkout.write("build/release/bin/quantscope-cli", "#!/bin/sh\necho \"ran $*\"\n");
    const Outcome run = checkout.run({"dev", "cli", "--version"});
    QVERIFY2(run.exitCode == 0, qPrintable(run.text));
    QVERIFY2(run.text.contains("ran --version"), qPrintable(run.text));
    const QString log = checkout.read("apt-get.log");
    QCOMPARE(!log.isEmpty(), installs);
    if (installs) QVERIFY2(log.trimmed().endsWith("--no-install-recommends libqt6svg6-dev"), qPrintable(log));
}

void TestScriptsDev::longPartsAreListedAndChecked() {
    const Checkout checkout;
    checkout.write("tests/long/one.sh", "#!/bin/sh\n# licence\n# The first.\n");
    checkout.write("tests/long/two.sh", "#!/bin/sh\n# licence\n# The second.\n");
    Outcome run = checkout.run({"dev", "test", "--long", "list"});  // installs and builds nothing
    QCOMPARE(run.exitCode, 0);
    QCOMPARE(run.text, QString("one      The first.\ntwo      The second.\n"));
    run = checkout.run({"dev", "test", "--long", "two", "three"});
    QCOMPARE(run.exitCode, 2);
    QVERIFY2(run.text.contains("no part \"three\"; parts are: one two"), qPrintable(run.text));
}

void TestScriptsDev::longPartsGoOnAndAreNotRepeated() {
    const Checkout checkout;
    checkout.command("git", "[ \"$1\" = status ] || echo c0ffee");
    checkout.write("tests/long/bad.sh", "echo bad >> log; exit 1");
    checkout.write("tests/long/good.sh", "echo good >> log");
    checkout.write("tests/long/lacking.sh", "echo lacking >> log; exit 77");
    Outcome run = checkout.run({"tests/long.sh", "run"});
    QCOMPARE(run.exitCode, 1);
    QCOMPARE(checkout.read("log"), QString("bad\ngood\nlacking\n"));
    QVERIFY2(run.text.contains("bad      FAILED"), qPrintable(run.text));
    QVERIFY2(run.text.contains("good     passed"), qPrintable(run.text));
    QVERIFY2(run.text.contains("lacking  not run"), qPrintable(run.text));
    run = checkout.run({"tests/long.sh", "run"});
    QCOMPARE(checkout.read("log"), QString("bad\ngood\nlacking\nbad\nlacking\n"));
    QVERIFY2(run.text.contains("good     passed before on this commit"), qPrintable(run.text));
    run = checkout.run({"tests/long.sh", "run", "good"});
    QCOMPARE(run.exitCode, 0);
    checkout.command("git", "[ \"$1\" = status ] || echo decade");
    QCOMPARE(checkout.run({"tests/long.sh", "run", "good"}).exitCode, 0);
    QCOMPARE(checkout.read("log"), QString("bad\ngood\nlacking\nbad\nlacking\ngood\n"));
}

void TestScriptsDev::uncommittedChangesAreNoCommit() {
    const Checkout checkout;
    checkout.command("git", "[ \"$1\" = status ] && echo ' M dev' || echo c0ffee");
    checkout.write("tests/long/good.sh", "echo good >> log");
    QCOMPARE(checkout.run({"tests/long.sh", "run"}).exitCode, 0);
    QCOMPARE(checkout.run({"tests/long.sh", "run"}).exitCode, 0);
    QCOMPARE(checkout.read("log"), QString("good\ngood\n"));
}

QTEST_GUILESS_MAIN(TestScriptsDev)
#include "test_dev.moc"
