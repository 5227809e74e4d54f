// SPDX-License-Identifier: GPL-3.0-or-later
#include <QLabel>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeView>

#include "base/atomic_file.h"
#include "io/checkpoint.h"
#include "kernels/kernel_set.h"
#include "shell/main_window.h"
#include "shell/message_bar.h"
#include "shell/source_tree_model.h"
#include "shell/sources_panel.h"
#include "shell/variants_panel.h"
#include "theme/theme_controller.h"

using namespace quantscope;

namespace {

constexpr int kPatienceMs = 120000;  ///< ends a test that hangs; nothing waits for it otherwise

/// The window around an engine that answers nothing: its own behaviour alone.
struct Fixture {
    KernelSet kernels{CpuFeatures{}, *kernelTables().back()};
    SourceLibrary sources{kernels};
    ThemeController themes;
    SessionController session;
    MainWindow window;

    static Engine silent() {
        Engine engine;
        engine.tensor = [](const Experiment&, uint64_t, const std::stop_token&, const Engine::DeliverTensor&,
                           const ProgressSink&) {};
        engine.model = [](const Experiment&, uint64_t, const std::stop_token&, const Engine::DeliverModel&) {
        };
        return engine;
    }
    static Experiment start() {
        Experiment experiment;
        experiment.matrix = SyntheticSource{"normal"};
        experiment.variants = defaultVariants();
        return experiment;
    }
    WindowParts parts() {
        WindowParts parts;
        parts.themes = &themes;
        parts.session = &session;
        parts.sources = &sources;
        parts.kernels = &kernels;
        parts.remembers = false;
        return parts;
    }
    Fixture() : session(silent(), start()), window(parts()) {
        themes.applyTo(*qApp);
        window.addLab(LabKind::Tensor, QStringLiteral("Tensor"), QStringLiteral("One tensor"), new QLabel);
        window.addLab(LabKind::Model, QStringLiteral("Model"), QStringLiteral("A model"), new QLabel);
        window.resize(1280, 800);
        window.show();
    }
};

}  // namespace

class TestShellWindow : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void opensAWorkedExample();
    void badFileLeavesTheWorkOnScreen();
    void undoAndRedoByKeys();
    void labsByKeys();
    void themeAndPresentationSwitchWhileRunning();
    void presentationByKeys();
    void choosingASyntheticSource();
};

void TestShellWindow::opensAWorkedExample() {
    Fixture fixture;
    const QString path = QStringLiteral(QUANTSCOPE_SOURCE_DIR "/samples/worked-examples/affine-3bit-a-w.npy");
    fixture.window.openPath(path);
    QTRY_VERIFY_WITH_TIMEOUT(fixture.window.sourceTree()->checkpoint(path.toStdString()), kPatienceMs);
    const auto* source = std::get_if<TensorSource>(&fixture.session.experiment().matrix);
    QVERIFY(source);
    QCOMPARE(QString::fromStdString(source->path), path);
    QVERIFY(fixture.window.sourcesPanel()->tree()->currentIndex().isValid());
    QCOMPARE(fixture.session.undoStack()->count(), 1);
}

void TestShellWindow::badFileLeavesTheWorkOnScreen() {
    Fixture fixture;
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("broken.gguf"));
    QVERIFY(writeTextFile(path.toStdString(), "GGUF but not really").has_value());
    const Experiment before = fixture.session.experiment();
    fixture.window.openPath(path);
    QTRY_VERIFY_WITH_TIMEOUT(!fixture.window.messageBar()->text().isEmpty(), kPatienceMs);
    QVERIFY(fixture.window.messageBar()->text().contains(QStringLiteral("broken.gguf")));
    QVERIFY(fixture.session.experiment() == before);
    QVERIFY(fixture.window.variantsPanel()->isEnabled());
}

void TestShellWindow::undoAndRedoByKeys() {
    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    const auto before = fixture.session.experiment().variants;
    fixture.window.variantsPanel()->duplicate(1);
    QCOMPARE(fixture.session.experiment().variants.size(), before.size() + 1);
    QTest::keyClick(&fixture.window, Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(fixture.session.experiment().variants == before);
    QCOMPARE(fixture.window.variantsPanel()->variants().size(), before.size());
    QTest::keyClick(&fixture.window, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(fixture.session.experiment().variants.size(), before.size() + 1);
}

void TestShellWindow::labsByKeys() {
    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    QTest::keyClick(&fixture.window, Qt::Key_2, Qt::ControlModifier);
    QVERIFY(fixture.session.activeLab() == LabKind::Model);
    QTest::keyClick(&fixture.window, Qt::Key_1, Qt::ControlModifier);
    QVERIFY(fixture.session.activeLab() == LabKind::Tensor);
}

void TestShellWindow::themeAndPresentationSwitchWhileRunning() {
    Fixture fixture;
    const QImage light = fixture.window.grab().toImage();
    fixture.themes.setDark(true);
    const QImage dark = fixture.window.grab().toImage();
    QVERIFY(light.pixelColor(640, 400).lightness() > 200);
    QVERIFY(dark.pixelColor(640, 400).lightness() < 60);
    const double before = fixture.themes.theme().scale;
    fixture.themes.setPresentation(true);
    QVERIFY(fixture.themes.theme().scale > before);
    fixture.window.resetLayout();
    QCOMPARE(fixture.themes.theme().scale, before);
}

void TestShellWindow::presentationByKeys() {
    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    const QFont before = QApplication::font();
    QTest::keyClick(&fixture.window, Qt::Key_F11);
    QVERIFY(fixture.themes.isPresentation());
    QVERIFY(fixture.window.isFullScreen());
    QVERIFY(QApplication::font().pixelSize() > before.pixelSize());
    // Large type makes this window narrow: the sources make room for the plots.
    QVERIFY(!fixture.window.sourcesPanel()->isVisible());
    QTest::keyClick(&fixture.window, Qt::Key_F11);
    QVERIFY(!fixture.themes.isPresentation());
    QVERIFY(!fixture.window.isFullScreen());
    QVERIFY(fixture.window.sourcesPanel()->isVisible());
    QCOMPARE(QApplication::font().pixelSize(), before.pixelSize());
    QTest::keyClick(&fixture.window, Qt::Key_F11);
    QTest::keyClick(&fixture.window, Qt::Key_Escape);
    QVERIFY(!fixture.themes.isPresentation());
}

void TestShellWindow::choosingASyntheticSource() {
    Fixture fixture;
    SourceTreeModel* tree = fixture.window.sourceTree();
    const QModelIndex laplace = tree->indexOf(SyntheticSource{"laplace"});
    QVERIFY(laplace.isValid());
    fixture.window.sourcesPanel()->tree()->setCurrentIndex(laplace);
    QVERIFY(fixture.session.experiment().matrix == MatrixSource(SyntheticSource{"laplace"}));
    fixture.session.undoStack()->undo();
    QVERIFY(fixture.session.experiment().matrix == MatrixSource(SyntheticSource{"normal"}));
    QCOMPARE(fixture.window.sourcesPanel()->tree()->currentIndex().data().toString(),
             QStringLiteral("Normal"));
}

QTEST_MAIN(TestShellWindow)
#include "test_shell_window.moc"
