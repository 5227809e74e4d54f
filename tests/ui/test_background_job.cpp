// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <new>
#include <optional>
#include <stdexcept>

#include "shell/background_job.h"

using namespace quantscope;

namespace {

constexpr int kPatienceMs = 120000;  ///< ends a test that hangs; nothing waits for it otherwise

}  // namespace

/// Work beside the window ends with a result or an error, never with the program.
class TestUiBackgroundJob : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void workThatThrowsIsAnError_data();
    void workThatThrowsIsAnError();
    void theNextPieceOfWorkRuns();

 private:
    /// What `work` came to.
    static Result<int> outcomeOf(BackgroundJob& job, std::function<Result<int>(const Job&)> work) {
        std::optional<Result<int>> outcome;
        const bool begun = job.start<int>(QStringLiteral("export"), "model.gguf", std::move(work),
                                          [&](const Result<int>& result) { outcome = result; });
        if (!begun) return fail(ErrorKind::Internal, "not begun");
        if (!QTest::qWaitFor([&] { return outcome.has_value(); }, kPatienceMs))
            return fail(ErrorKind::Internal, "no answer");
        return *outcome;
    }
};

void TestUiBackgroundJob::workThatThrowsIsAnError_data() {
    QTest::addColumn<int>("thrown");
    QTest::addColumn<QString>("text");
    QTest::newRow("no memory") << 0 << QStringLiteral("model.gguf: not enough memory.");
    QTest::newRow("no memory, of known size")
        << 1 << QStringLiteral("model.gguf: not enough memory for the codes: needs 3.0 GiB.");
    QTest::newRow("a bug") << 2 << QStringLiteral("model.gguf: a bug");
    QTest::newRow("no exception class") << 3 << QStringLiteral("model.gguf: an exception of an unknown kind");
}

void TestUiBackgroundJob::workThatThrowsIsAnError() {
    QFETCH(int, thrown);
    QFETCH(QString, text);
    BackgroundJob job;
    const auto outcome = outcomeOf(job, [thrown](const Job&) -> Result<int> {
        if (thrown == 0) throw std::bad_alloc();
        if (thrown == 1) throw OutOfMemory("the codes", uint64_t{3} << 30);
        if (thrown == 2) throw std::logic_error("a bug");
        throw thrown;
    });
    QVERIFY(!outcome.has_value());
    QCOMPARE(outcome.error().kind, thrown < 2 ? ErrorKind::OutOfMemory : ErrorKind::Internal);
    const QString said = QString::fromStdString(describe(outcome.error()));
    QVERIFY2(said.startsWith(text), qPrintable(said));
}

void TestUiBackgroundJob::theNextPieceOfWorkRuns() {
    BackgroundJob job;
    QVERIFY(!outcomeOf(job, [](const Job&) -> Result<int> { throw std::bad_alloc(); }).has_value());
    QVERIFY(!job.isRunning());
    QCOMPARE(outcomeOf(job, [](const Job&) -> Result<int> { return 42; }).value(), 42);
}

QTEST_GUILESS_MAIN(TestUiBackgroundJob)
#include "test_background_job.moc"
