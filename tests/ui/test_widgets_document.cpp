// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QHBoxLayout>
#include <QPushButton>
#include <QTest>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "app/experiment/model_part.h"
#include "app/experiment/tensor_part.h"
#include "app/labs/engine.h"
#include "app/results/results.h"
#include "fake_labs.h"
#include "widgets/document.h"
#include "widgets/document_focus.h"

using namespace quantscope;

namespace {

constexpr int kPatienceMs = 120000;  ///< ends a test that hangs; nothing waits for it otherwise

/// Labs whose jobs wait until they are stopped or told to answer, and note on which threads they ran.
struct HeldLabs {
    std::atomic<int> started{0};
    std::atomic<int> stopped{0};
    std::atomic<bool> release{false};
    std::mutex mutex;
    std::set<std::thread::id> threads;
    KernelSet kernels{CpuFeatures{}, *kernelTables().back()};
    Engine engine{kernels, {held(tensorLab()), held(modelLab())}};

    Lab held(Lab lab) {
        return answering(std::move(lab),
                         [this](const LabRequest& request, uint64_t sequence, const std::stop_token& stop,
                                const LabPipeline::Deliver& deliver) {
                             {
                                 const std::lock_guard lock(mutex);
                                 threads.insert(std::this_thread::get_id());
                             }
                             ++started;
                             while (!release && !stop.stop_requested()) std::this_thread::yield();
                             if (stop.stop_requested()) {
                                 ++stopped;
                                 return;
                             }
                             deliver(emptyResults<LabResults>(request, sequence));
                         });
    }
};

Experiment start() {
    Experiment experiment;
    experiment.edit<TensorPart>().matrix = SyntheticSource{"normal"};
    experiment.model = {"/model", "/text"};
    experiment.variants = defaultVariants();
    return experiment;
}

void rename(Document& document, const char* name) {
    document.edit({QStringLiteral("name"), 0},
                  [name](Experiment& experiment) { experiment.variants[1].name = name; });
}

}  // namespace

class TestWidgetsDocument : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void undoActsOnTheDocumentInFocus();
    void aClosedDocumentGivesTheFocusBack();
    void aHiddenDocumentAsksForNothing();
    void aLongJobGoesOnBehind();
    void fortyDocumentsShareTheThreads();
    void viewsFollowWhatTheyLookAt();
};

/// The window's document, and a small one on a page inside the window.
void TestWidgetsDocument::undoActsOnTheDocumentInFocus() {
    HeldLabs labs;
    labs.release = true;
    Document main(labs.engine, start());
    Document small(labs.engine, start());
    QWidget window;
    auto* row = new QHBoxLayout(&window);
    auto* outside = new QPushButton(QStringLiteral("outside"));
    auto* page = new QWidget;
    auto* inside = new QPushButton(QStringLiteral("inside"), page);
    row->addWidget(outside);
    row->addWidget(page);
    DocumentFocus focus;
    focus.add(&window, &main);
    focus.add(page, &small);
    QAction* undo = focus.undo()->createUndoAction(&window);
    undo->setShortcut(QKeySequence::Undo);
    QAction* redo = focus.undo()->createRedoAction(&window);
    redo->setShortcut(QKeySequence(QStringLiteral("Ctrl+Shift+Z")));
    window.addActions({undo, redo});
    window.show();
    QVERIFY(QTest::qWaitForWindowActive(&window, kPatienceMs));
    rename(main, "of the window");
    rename(small, "of the page");

    inside->setFocus();
    QCOMPARE(focus.current(), &small);
    QTest::keyClick(inside, Qt::Key_Z, Qt::ControlModifier);
    QCOMPARE(small.experiment().variants[1].name, std::string());
    QCOMPARE(main.experiment().variants[1].name, std::string("of the window"));

    outside->setFocus();
    QCOMPARE(focus.current(), &main);
    QTest::keyClick(outside, Qt::Key_Z, Qt::ControlModifier);
    QCOMPARE(main.experiment().variants[1].name, std::string());
    QTest::keyClick(outside, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(main.experiment().variants[1].name, std::string("of the window"));
    QCOMPARE(small.experiment().variants[1].name, std::string());
}

void TestWidgetsDocument::aClosedDocumentGivesTheFocusBack() {
    HeldLabs labs;
    labs.release = true;
    Document main(labs.engine, start());
    QWidget window;
    QWidget page;
    DocumentFocus focus;
    focus.add(&window, &main);
    {
        Document small(labs.engine, start());
        focus.add(&page, &small);
        QCOMPARE(focus.current(), &main);
        focus.undo()->setActiveStack(small.undoStack());
    }
    rename(main, "changed");
    QCOMPARE(focus.current(), &main);
    QVERIFY(main.undoStack()->canUndo());
}

/// A page that is scrolled away: what it was computing stops, edits wait until it is seen again.
void TestWidgetsDocument::aHiddenDocumentAsksForNothing() {
    HeldLabs labs;
    Document document(labs.engine, start());
    QTRY_COMPARE_WITH_TIMEOUT(labs.started.load(), 1, kPatienceMs);
    document.setVisible(false);
    QTRY_COMPARE_WITH_TIMEOUT(labs.stopped.load(), 1, kPatienceMs);
    QVERIFY(!document.work("tensor").busy);
    rename(document, "unseen");
    // Longer than the throttle: nothing is asked for.
    QTest::qWait(50);
    QCOMPARE(labs.started.load(), 1);
    labs.release = true;
    document.setVisible(true);
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    QCOMPARE(labs.started.load(), 2);
    QVERIFY(document.results("tensor")->request == document.experiment());
}

void TestWidgetsDocument::aLongJobGoesOnBehind() {
    HeldLabs labs;
    Document document(labs.engine, start());
    QTRY_COMPARE_WITH_TIMEOUT(labs.started.load(), 1, kPatienceMs);
    document.showLab("model");
    QTRY_COMPARE_WITH_TIMEOUT(labs.stopped.load(), 1, kPatienceMs);  // the Tensor lab's
    QTRY_COMPARE_WITH_TIMEOUT(labs.started.load(), 2, kPatienceMs);
    document.setVisible(false);
    document.showLab("tensor");
    QVERIFY(document.work("model").busy);
    labs.release = true;
    QTRY_VERIFY_WITH_TIMEOUT(document.results("model") != nullptr, kPatienceMs);
    QCOMPARE(labs.stopped.load(), 1);
    QVERIFY(!document.results("tensor"));
    // The number that was asked for is there when the lab is shown again, without another run.
    document.setVisible(true);
    document.showLab("model");
    QTRY_VERIFY_WITH_TIMEOUT(document.isSettled(), kPatienceMs);
    QVERIFY(!document.results("model")->error);
}

void TestWidgetsDocument::fortyDocumentsShareTheThreads() {
    HeldLabs labs;
    labs.release = true;
    std::vector<std::unique_ptr<Document>> documents;
    for (int i = 0; i < 40; ++i) documents.push_back(std::make_unique<Document>(labs.engine, start()));
    for (const auto& document : documents) QTRY_VERIFY_WITH_TIMEOUT(document->isSettled(), kPatienceMs);
    QCOMPARE(labs.started.load(), 40);
    const std::lock_guard lock(labs.mutex);
    QVERIFY(labs.threads.size() <= size_t(labs.engine.lanesOf(tensorLab()).threads()));
    QVERIFY(!labs.threads.contains(std::this_thread::get_id()));
}

void TestWidgetsDocument::viewsFollowWhatTheyLookAt() {
    HeldLabs labs;
    labs.release = true;
    Document document(labs.engine, start());
    const MatrixRegion part{1, 2, 3, 4};
    document.look<TensorView>([&part](TensorView& view) {
        view.heatmapRegion = part;
        view.heatmapVariant = 2;
    });
    document.look<ModelView>([](ModelView& view) { view.layer = "blk.1.attn_q"; });
    const auto region = [&] { return document.views().get<TensorView>().heatmapRegion; };
    QCOMPARE(document.undoStack()->count(), 0);
    rename(document, "another name");
    document.undoStack()->undo();
    QVERIFY(region() == part);
    document.edit({QStringLiteral("source"), 0}, [](Experiment& experiment) {
        experiment.edit<TensorPart>().matrix = SyntheticSource{"laplace"};
    });
    QVERIFY(region() == MatrixRegion{});
    QCOMPARE(document.views().get<TensorView>().heatmapVariant, 2);
    QCOMPARE(document.views().get<ModelView>().layer, std::string("blk.1.attn_q"));
    document.edit({QStringLiteral("model"), 0},
                  [](Experiment& experiment) { experiment.model.modelPath = "/another"; });
    QCOMPARE(document.views().get<ModelView>().layer, std::string());
}

QTEST_MAIN(TestWidgetsDocument)
#include "test_widgets_document.moc"
