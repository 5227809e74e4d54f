// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <mutex>

#include "app/experiment/experiment_json.h"
#include "app/experiment/model_part.h"
#include "app/experiment/tensor_part.h"
#include "base/atomic_file.h"
#include "base/out_of_memory.h"
#include "shell/metrics_model.h"
#include "shell/session_controller.h"
#include "shell/session_file.h"

using namespace quantscope;

namespace {

constexpr int kPatienceMs = 120000;  ///< ends a test that hangs; nothing waits for it otherwise

/// Counts requests and answers each with an empty full result.
struct FakeEngine {
    std::atomic<int> tensorRuns{0};
    std::atomic<int> modelRuns{0};
    std::mutex mutex;
    Experiment last;

    Engine engine() {
        Engine engine;
        engine.tensor = [this](const LabRequest& request, uint64_t sequence, const std::stop_token&,
                               const Engine::DeliverTensor& deliver, const ProgressSink&) {
            ++tensorRuns;
            {
                const std::lock_guard lock(mutex);
                last = request.experiment;
            }
            auto results = std::make_shared<TensorResults>();
            results->request = request.experiment;
            results->sequence = sequence;
            deliver(results);
        };
        engine.model = [this](const LabRequest& request, uint64_t sequence, const std::stop_token&,
                              const Engine::DeliverModel& deliver) {
            ++modelRuns;
            auto results = std::make_shared<ModelResults>();
            results->request = request.experiment;
            results->sequence = sequence;
            results->complete = true;
            deliver(results);
        };
        return engine;
    }
};

Experiment start() {
    Experiment experiment;
    experiment.edit<TensorPart>().matrix = SyntheticSource{"normal"};
    experiment.model = {"/model", "/text"};
    experiment.variants = defaultVariants();
    addMissingParts(experiment, labs());
    return experiment;
}

Experiment withBits(Experiment experiment, int bits) {
    experiment.variants[1].weights.scheme.bits = bits;
    return experiment;
}

}  // namespace

class TestShellSession : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void editsOfOneDragAreOneUndoStep();
    void aDragBecomesFewRequestsAndTheLastOneWins();
    void equalRequestsAreIgnored();
    void onlyTheActiveLabComputes();
    void anEngineThatThrowsShowsAnErrorAndGoesOn();
    void sessionFileRoundTrip();
    void brokenSessionNamesTheFile();
    void metricsTableAsText();
};

void TestShellSession::editsOfOneDragAreOneUndoStep() {
    FakeEngine fake;
    SessionController session(fake.engine(), start());
    for (int bits = 2; bits <= 6; ++bits) session.edit(withBits(start(), bits), {QStringLiteral("bits"), 7});
    QCOMPARE(session.undoStack()->count(), 1);
    session.edit(withBits(start(), 7), {QStringLiteral("bits"), 8});
    session.edit(withBits(start(), 3), {QStringLiteral("bits"), 0});
    session.edit(withBits(start(), 4), {QStringLiteral("bits"), 0});
    QCOMPARE(session.undoStack()->count(), 4);
    while (session.undoStack()->canUndo()) session.undoStack()->undo();
    QVERIFY(session.experiment() == start());
    session.undoStack()->redo();
    QVERIFY(session.experiment() == withBits(start(), 6));
}

void TestShellSession::aDragBecomesFewRequestsAndTheLastOneWins() {
    FakeEngine fake;
    SessionController session(fake.engine(), start());
    for (int i = 0; i < 200; ++i) session.edit(withBits(start(), 2 + i % 5), {QStringLiteral("bits"), 1});
    session.edit(withBits(start(), 7), {QStringLiteral("bits"), 1});
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    const std::lock_guard lock(fake.mutex);
    QVERIFY(fake.last == withBits(start(), 7));
    QVERIFY(fake.tensorRuns.load() <= 3);
    QVERIFY(session.tensorResults()->request == withBits(start(), 7));
}

void TestShellSession::equalRequestsAreIgnored() {
    FakeEngine fake;
    SessionController session(fake.engine(), start());
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    const int runs = fake.tensorRuns.load();
    session.edit(withBits(start(), 3), {QStringLiteral("bits"), 0});
    session.undoStack()->undo();
    Experiment otherWindow = start();
    otherWindow.edit<ModelPart>().layerTokens = 99;  // no part of what the Tensor lab shows
    session.edit(otherWindow, {QStringLiteral("tokens"), 0});
    // A request that does differ follows: had the equal ones been sent, there would be more than one run.
    session.edit(withBits(start(), 5), {QStringLiteral("bits"), 0});
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled() && session.tensorResults()->request == withBits(start(), 5),
                             kPatienceMs);
    QCOMPARE(fake.tensorRuns.load(), runs + 1);
    session.measureAgain();
    QTRY_COMPARE_WITH_TIMEOUT(fake.tensorRuns.load(), runs + 2, kPatienceMs);
}

void TestShellSession::onlyTheActiveLabComputes() {
    FakeEngine fake;
    SessionController session(fake.engine(), start());
    QSignalSpy shown(&session, &SessionController::modelResultsChanged);
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    QCOMPARE(fake.modelRuns.load(), 0);
    session.setActiveLab(LabKind::Model);
    QTRY_COMPARE_WITH_TIMEOUT(shown.size(), 1, kPatienceMs);
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    const int runs = fake.tensorRuns.load();
    session.edit(withBits(start(), 3), {QStringLiteral("bits"), 0});
    QTRY_COMPARE_WITH_TIMEOUT(fake.modelRuns.load(), 2, kPatienceMs);
    QCOMPARE(fake.tensorRuns.load(), runs);
    session.setActiveLab(LabKind::Tensor);
    QTRY_COMPARE_WITH_TIMEOUT(fake.tensorRuns.load(), runs + 1, kPatienceMs);
}

void TestShellSession::anEngineThatThrowsShowsAnErrorAndGoesOn() {
    FakeEngine fake;
    Engine engine = fake.engine();
    const auto good = engine.tensor;
    engine.tensor = [good](const LabRequest& request, uint64_t sequence, const std::stop_token& stop,
                           const Engine::DeliverTensor& deliver, const ProgressSink& progress) {
        if (request.experiment == start()) throw OutOfMemory("the decoded tensor", uint64_t{5} << 30);
        good(request, sequence, stop, deliver, progress);
    };
    engine.model = [](const LabRequest&, uint64_t, const std::stop_token&, const Engine::DeliverModel&) {
        throw std::bad_alloc();
    };
    SessionController session(engine, start());
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    QVERIFY(session.tensorResults()->error.has_value());
    QCOMPARE(session.tensorResults()->error->message,
             std::string("not enough memory for the decoded tensor: needs 5.0 GiB"));
    session.edit(withBits(start(), 5), {QStringLiteral("bits"), 1});
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    QVERIFY(!session.tensorResults()->error.has_value());
    session.setActiveLab(LabKind::Model);
    QTRY_VERIFY_WITH_TIMEOUT(session.isSettled(), kPatienceMs);
    QVERIFY(session.modelResults()->error.has_value());
    QCOMPARE(session.modelResults()->error->kind, ErrorKind::OutOfMemory);
}

void TestShellSession::sessionFileRoundTrip() {
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("s.json")).toStdString();
    const Session session{{withBits(start(), 5)}, {"geometry", "docks", QStringLiteral("model"), true}};
    QVERIFY(saveSession(path, session).has_value());
    const auto loaded = loadSession(path);
    QVERIFY(loaded.has_value());
    QVERIFY(loaded->request == session.request);
    QVERIFY(loaded->window == session.window);
    const auto plain = parseSession(experimentJson(start()));
    QVERIFY(plain.has_value());
    QVERIFY(plain->request.experiment == start());
}

void TestShellSession::brokenSessionNamesTheFile() {
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("broken.json")).toStdString();
    QVERIFY(writeTextFile(path, "{\"quantscope\": 1, \"variants\": 7}").has_value());
    const auto broken = loadSession(path);
    QVERIFY(!broken.has_value());
    QCOMPARE(broken.error().file, path);
    QVERIFY(!loadSession(path + ".missing").has_value());
}

void TestShellSession::metricsTableAsText() {
    MetricsModel model;
    model.setVariants(defaultVariants());
    auto results = std::make_shared<TensorResults>();
    auto report = std::make_shared<VariantReport>();
    report->metrics.bitsPerWeight = 4.3125;
    report->metrics.sqnrDb = 20.668;
    report->metrics.mse = 3.48e-4;
    results->variants.resize(2);
    results->variants[1].report = report;
    model.setTensorResults(results);
    QCOMPARE(model.index(1, 1).data().toString(), QStringLiteral("4.31"));
    QCOMPARE(model.index(1, 2).data().toString(), QStringLiteral("20.67"));
    QCOMPARE(model.index(1, 3).data().toString(), QStringLiteral("3.48e-04"));
    QCOMPARE(model.index(0, 1).data().toString(), QStringLiteral("–"));
    const QStringList lines = model.asText(QLatin1Char('\t')).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
    QCOMPARE(lines.size(), model.rowCount() + 1);
    for (const QString& line : lines) QCOMPARE(line.count(QLatin1Char('\t')), model.columnCount() - 1);
    QVERIFY(
        model.headerData(2, Qt::Horizontal, Qt::ToolTipRole).toString().contains(QStringLiteral("log10")));
}

QTEST_MAIN(TestShellSession)
#include "test_shell_session.moc"
