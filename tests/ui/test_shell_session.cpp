// SPDX-License-Identifier: GPL-3.0-or-later
#include <QLineEdit>
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <mutex>

#include "app/experiment/experiment_json.h"
#include "app/experiment/model_part.h"
#include "app/experiment/tensor_part.h"
#include "app/labs/engine.h"
#include "app/results/results.h"
#include "base/atomic_file.h"
#include "base/out_of_memory.h"
#include "fake_labs.h"
#include "shell/metrics_model.h"
#include "shell/session_file.h"
#include "widgets/document.h"
#include "widgets/document_focus.h"

using namespace quantscope;

namespace {

constexpr int kPatienceMs = 120000;  ///< ends a test that hangs; nothing waits for it otherwise

/// Counts requests and answers each with an empty full result.
struct FakeLabs {
    std::atomic<int> tensorRuns{0};
    std::atomic<int> modelRuns{0};
    std::mutex mutex;
    Experiment last;
    KernelSet kernels{CpuFeatures{}, *kernelTables().back()};
    Engine engine{kernels, labs()};

    std::vector<Lab> labs() {
        return {answering(tensorLab(),
                          [this](const LabRequest& request, uint64_t sequence, const std::stop_token&,
                                 const LabPipeline::Deliver& deliver) {
                              ++tensorRuns;
                              {
                                  const std::lock_guard lock(mutex);
                                  last = request.experiment;
                              }
                              deliver(emptyResults<TensorResults>(request, sequence));
                          }),
                answering(modelLab(), [this](const LabRequest& request, uint64_t sequence,
                                             const std::stop_token&, const LabPipeline::Deliver& deliver) {
                    ++modelRuns;
                    deliver(emptyResults<ModelResults>(request, sequence));
                })};
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
    FakeLabs fake;
    Document document(fake.engine, start());
    for (int bits = 2; bits <= 6; ++bits) document.edit(withBits(start(), bits), {QStringLiteral("bits"), 7});
    QCOMPARE(document.undoStack()->count(), 1);
    document.edit(withBits(start(), 7), {QStringLiteral("bits"), 8});
    document.edit(withBits(start(), 3), {QStringLiteral("bits"), 0});
    document.edit(withBits(start(), 4), {QStringLiteral("bits"), 0});
    QCOMPARE(document.undoStack()->count(), 4);
    while (document.undoStack()->canUndo()) document.undoStack()->undo();
    QVERIFY(document.experiment() == start());
    document.undoStack()->redo();
    QVERIFY(document.experiment() == withBits(start(), 6));
}

void TestShellSession::aDragBecomesFewRequestsAndTheLastOneWins() {
    FakeLabs fake;
    Document document(fake.engine, start());
    for (int i = 0; i < 200; ++i) document.edit(withBits(start(), 2 + i % 5), {QStringLiteral("bits"), 1});
    document.edit(withBits(start(), 7), {QStringLiteral("bits"), 1});
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    const std::lock_guard lock(fake.mutex);
    QVERIFY(fake.last == withBits(start(), 7));
    QVERIFY(fake.tensorRuns.load() <= 3);
    QVERIFY(document.results("tensor")->request == withBits(start(), 7));
}

void TestShellSession::equalRequestsAreIgnored() {
    FakeLabs fake;
    Document document(fake.engine, start());
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    const int runs = fake.tensorRuns.load();
    document.edit(withBits(start(), 3), {QStringLiteral("bits"), 0});
    document.undoStack()->undo();
    Experiment otherWindow = start();
    otherWindow.edit<ModelPart>().layerTokens = 99;  // no part of what the Tensor lab shows
    document.edit(otherWindow, {QStringLiteral("tokens"), 0});
    // A request that does differ follows: had the equal ones been sent, there would be more than one run.
    document.edit(withBits(start(), 5), {QStringLiteral("bits"), 0});
    QTRY_VERIFY_WITH_TIMEOUT(
        document.isSettled() && document.results("tensor")->request == withBits(start(), 5), kPatienceMs);
    QCOMPARE(fake.tensorRuns.load(), runs + 1);
    document.measureAgain();
    QTRY_COMPARE_WITH_TIMEOUT(fake.tensorRuns.load(), runs + 2, kPatienceMs);
}

void TestShellSession::onlyTheActiveLabComputes() {
    FakeLabs fake;
    Document document(fake.engine, start());
    int shown = 0;
    QObject::connect(&document, &Document::resultsChanged, &document,
                     [&shown](const std::string& lab) { shown += lab == "model" ? 1 : 0; });
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    QCOMPARE(fake.modelRuns.load(), 0);
    document.showLab("model");
    QTRY_COMPARE_WITH_TIMEOUT(shown, 1, kPatienceMs);
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    const int runs = fake.tensorRuns.load();
    document.edit(withBits(start(), 3), {QStringLiteral("bits"), 0});
    QTRY_COMPARE_WITH_TIMEOUT(fake.modelRuns.load(), 2, kPatienceMs);
    QCOMPARE(fake.tensorRuns.load(), runs);
    document.showLab("tensor");
    QTRY_COMPARE_WITH_TIMEOUT(fake.tensorRuns.load(), runs + 1, kPatienceMs);
}

void TestShellSession::anEngineThatThrowsShowsAnErrorAndGoesOn() {
    FakeLabs fake;
    const auto refuses = [](const LabRequest& request, uint64_t sequence, const std::stop_token&,
                            const LabPipeline::Deliver& deliver) {
        if (request.experiment == start()) throw OutOfMemory("the decoded tensor", uint64_t{5} << 30);
        deliver(emptyResults<TensorResults>(request, sequence));
    };
    const auto fails = [](const LabRequest&, uint64_t, const std::stop_token&, const LabPipeline::Deliver&) {
        throw std::bad_alloc();
    };
    Engine engine(fake.kernels, {answering(tensorLab(), refuses), answering(modelLab(), fails)});
    Document document(engine, start());
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    QVERIFY(document.results("tensor")->error.has_value());
    QCOMPARE(document.results("tensor")->error->message,
             std::string("not enough memory for the decoded tensor: needs 5.0 GiB"));
    document.edit(withBits(start(), 5), {QStringLiteral("bits"), 1});
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    QVERIFY(!document.results("tensor")->error.has_value());
    document.showLab("model");
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    QVERIFY(document.results("model")->error.has_value());
    QCOMPARE(document.results("model")->error->kind, ErrorKind::OutOfMemory);
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
    model.setMetrics(tensorLab().metrics);
    model.setVariants(defaultVariants());
    auto results = std::make_shared<TensorResults>();
    auto report = std::make_shared<VariantReport>();
    report->metrics.bitsPerWeight = 4.3125;
    report->metrics.sqnrDb = 20.668;
    report->metrics.mse = 3.48e-4;
    results->variants.resize(2);
    results->variants[1].report = report;
    summarize(*results);
    model.setResults(results);
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
