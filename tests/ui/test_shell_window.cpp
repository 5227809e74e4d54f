// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <QTreeView>
#include <atomic>
#include <cmath>

#include "app/experiment/tensor_part.h"
#include "app/labs/engine.h"
#include "base/atomic_file.h"
#include "fake_labs.h"
#include "io/checkpoint.h"
#include "kernels/kernel_set.h"
#include "labs/lab_descriptors.h"
#include "methods/interface/method.h"
#include "methods/registry.h"
#include "shell/calibration_saver.h"
#include "shell/considerations_dialog.h"
#include "shell/export_dialog.h"
#include "shell/job_line.h"
#include "shell/jobs_strip.h"
#include "shell/main_window.h"
#include "shell/message_bar.h"
#include "shell/model_exporter.h"
#include "shell/source_tree_model.h"
#include "shell/sources_panel.h"
#include "shell/variants_panel.h"
#include "support/paths.h"
#include "theme/theme_controller.h"

using namespace quantscope;

namespace {

constexpr int kPatienceMs = 120000;  ///< ends a test that hangs; nothing waits for it otherwise

/// An export that takes until it is stopped, or fails at once.
Result<ModelExportSummary> pretendToExport(const LanguageModelExport& request, const Job& job) {
    if (request.layout == "gguf")
        return fail(ErrorKind::Unsupported, "GGUF has no type for this recipe", "variant", "Choose q4_k.");
    while (job.proceed(0.25, "block 3")) QThread::msleep(5);
    return fail(ErrorKind::Cancelled, "stopped");
}

/// A save that takes until it is stopped, and where it ran.
std::atomic<QThread*> savingThread = nullptr;
Status pretendToSave(const CalibrationSave&, const Job& job) {
    savingThread = QThread::currentThread();
    while (job.proceed(0.5, "block 2")) QThread::msleep(5);
    return fail(ErrorKind::Cancelled, "stopped");
}

/// The window around an engine that answers nothing: its own behaviour alone.
struct Fixture {
    KernelSet kernels{CpuFeatures{}, *kernelTables().back()};
    SourceLibrary sources{kernels};
    ThemeController themes;
    ModelExporter exporter{pretendToExport};
    CalibrationSaver calibrationSaver{pretendToSave};
    Engine engine{kernels, silent()};
    Document document{engine, start()};
    MainWindow window{parts()};

    static std::vector<Lab> silent() {
        const auto nothing = [](const LabRequest&, uint64_t, const std::stop_token&,
                                const LabPipeline::Deliver&) {};
        return {answering(tensorLab(), nothing), answering(modelLab(), nothing)};
    }
    /// Their tabs, with nothing in them.
    static std::vector<LabDescriptor> tabs() {
        std::vector<LabDescriptor> labs{tensorLabDescriptor(), modelLabDescriptor()};
        for (LabDescriptor& lab : labs) lab.make = [](const LabContext&) -> QWidget* { return new QLabel; };
        return labs;
    }
    static Experiment start() {
        Experiment experiment;
        experiment.edit<TensorPart>().matrix = SyntheticSource{"normal"};
        experiment.variants = defaultVariants();
        return experiment;
    }
    WindowParts parts() {
        WindowParts parts;
        parts.themes = &themes;
        parts.document = &document;
        parts.labs = tabs();
        parts.sources = &sources;
        parts.exporter = &exporter;
        parts.calibrationSaver = &calibrationSaver;
        parts.kernels = &kernels;
        parts.remembers = false;
        return parts;
    }
    Fixture() {
        themes.applyTo(*qApp);
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
    void exportAsksForWhatItNeeds();
    void exportRunsBesideTheWorkAndStops();
    void failedExportLeavesTheWorkOnScreen();
    void savingStatisticsRunsBesideTheWorkAndStops();
    void considerationsSort();
};

void TestShellWindow::opensAWorkedExample() {
    Fixture fixture;
    const QString path =
        QString::fromStdString(test::sourcePath("samples/worked-examples/affine-3bit-a-w.npy"));
    fixture.window.openPath(path);
    QTRY_VERIFY_WITH_TIMEOUT(fixture.window.sourceTree()->checkpoint(path.toStdString()), kPatienceMs);
    const auto* source = std::get_if<TensorSource>(&fixture.document.experiment().part<TensorPart>().matrix);
    QVERIFY(source);
    QCOMPARE(QString::fromStdString(source->path), path);
    QVERIFY(fixture.window.sourcesPanel()->tree()->currentIndex().isValid());
    QCOMPARE(fixture.document.undoStack()->count(), 1);
}

void TestShellWindow::badFileLeavesTheWorkOnScreen() {
    Fixture fixture;
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("broken.gguf"));
    QVERIFY(writeTextFile(path.toStdString(), "GGUF but not really").has_value());
    const Experiment before = fixture.document.experiment();
    fixture.window.openPath(path);
    QTRY_VERIFY_WITH_TIMEOUT(!fixture.window.messageBar()->text().isEmpty(), kPatienceMs);
    QVERIFY(fixture.window.messageBar()->text().contains(QStringLiteral("broken.gguf")));
    QVERIFY(fixture.document.experiment() == before);
    QVERIFY(fixture.window.variantsPanel()->isEnabled());
}

void TestShellWindow::undoAndRedoByKeys() {
    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    const auto before = fixture.document.experiment().variants;
    fixture.window.variantsPanel()->duplicate(1);
    QCOMPARE(fixture.document.experiment().variants.size(), before.size() + 1);
    QTest::keyClick(&fixture.window, Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(fixture.document.experiment().variants == before);
    QCOMPARE(fixture.window.variantsPanel()->variants().size(), before.size());
    QTest::keyClick(&fixture.window, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(fixture.document.experiment().variants.size(), before.size() + 1);
}

void TestShellWindow::labsByKeys() {
    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    QTest::keyClick(&fixture.window, Qt::Key_2, Qt::ControlModifier);
    QCOMPARE(fixture.document.shownLab().id, std::string("model"));
    QTest::keyClick(&fixture.window, Qt::Key_1, Qt::ControlModifier);
    QCOMPARE(fixture.document.shownLab().id, std::string("tensor"));
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
    QVERIFY(fixture.document.experiment().part<TensorPart>().matrix ==
            MatrixSource(SyntheticSource{"laplace"}));
    fixture.document.undoStack()->undo();
    QVERIFY(fixture.document.experiment().part<TensorPart>().matrix ==
            MatrixSource(SyntheticSource{"normal"}));
    QCOMPARE(fixture.window.sourcesPanel()->tree()->currentIndex().data().toString(),
             QStringLiteral("Normal"));
}

void TestShellWindow::exportAsksForWhatItNeeds() {
    ThemeController themes;
    Experiment experiment = Fixture::start();
    experiment.model.modelPath = "/models/tiny-llama";
    experiment.variants = *parseVariants("float; int4/group=64; gptq/int4/group=64");
    themes.applyTo(*qApp);
    ExportDialog dialog(&themes, experiment, 2);
    dialog.show();
    const QString folder = qEnvironmentVariable("QUANTSCOPE_PICTURES");
    if (!folder.isEmpty()) dialog.grab().save(folder + QStringLiteral("/export.png"));
    QVERIFY(!dialog.exportButton()->isEnabled());  // GPTQ without a text
    dialog.calibrationField()->setText(QStringLiteral("/texts/a.txt"));
    QVERIFY(dialog.exportButton()->isEnabled());
    dialog.chooseLayout(QStringLiteral("gptq-v2"));
    QVERIFY2(dialog.target().endsWith(QStringLiteral("tiny-llama-gptq-int4-g64-gptq-v2")),
             qPrintable(dialog.target()));
    LanguageModelExport request = dialog.request();
    QVERIFY(request.variant == experiment.variants[2]);
    QCOMPARE(request.layout, std::string("gptq-v2"));
    QCOMPARE(request.calibrationPath, std::string("/texts/a.txt"));
    QCOMPARE(request.calibrationFile, std::string());
    dialog.calibrationField()->setText(QStringLiteral("/texts/a.safetensors"));
    QCOMPARE(dialog.request().calibrationPath, std::string());
    QCOMPARE(dialog.request().calibrationFile, std::string("/texts/a.safetensors"));
    Experiment saved = experiment;
    saved.model.calibrationFile = "/texts/s.safetensors";
    QCOMPARE(ExportDialog(&themes, saved, 2).request().calibrationFile, saved.model.calibrationFile);
    dialog.chooseVariant(1);
    QVERIFY(!dialog.calibrationField()->isVisible());
    dialog.setTarget(QStringLiteral("/tmp/out"));
    dialog.chooseLayout(QStringLiteral("gguf"));
    request = dialog.request();
    QCOMPARE(request.target.string(), std::string("/tmp/out"));  // what a person typed stays
    QCOMPARE(request.calibrationPath, std::string());
    dialog.setTarget({});
    QVERIFY(!dialog.exportButton()->isEnabled());
    dialog.chooseVariant(0);  // the float reference is not offered
    QVERIFY(dialog.request().variant == experiment.variants[1]);
}

void TestShellWindow::exportRunsBesideTheWorkAndStops() {
    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    QTest::keyClick(&fixture.window, Qt::Key_E, Qt::ControlModifier);
    QVERIFY(!fixture.window.findChild<ExportDialog*>());  // no model yet: a message says so
    QVERIFY(!fixture.window.messageBar()->text().isEmpty());
    Experiment withModel = fixture.document.experiment();
    withModel.model.modelPath = "/models/tiny-llama";
    fixture.document.edit(withModel, EditOrigin{QStringLiteral("model"), 0});
    fixture.window.openExport();
    auto* dialog = fixture.window.findChild<ExportDialog*>();
    QVERIFY(dialog);
    dialog->setTarget(QStringLiteral("/tmp/never-written"));
    QTest::mouseClick(dialog->exportButton(), Qt::LeftButton);
    QVERIFY(fixture.exporter.isRunning());
    JobLine* line = fixture.window.jobs()->backgroundLine();
    QTRY_VERIFY_WITH_TIMEOUT(line->isVisible() && line->text().contains(QStringLiteral("block 3")),
                             kPatienceMs);
    QVERIFY(line->text().contains(QStringLiteral("25 %")));
    QVERIFY(fixture.window.variantsPanel()->isEnabled());
    QTest::mouseClick(line->cancelButton(), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(!fixture.exporter.isRunning(), kPatienceMs);
    QVERIFY(!line->isVisible());
}

void TestShellWindow::failedExportLeavesTheWorkOnScreen() {
    Fixture fixture;
    Experiment withModel = fixture.document.experiment();
    withModel.model.modelPath = "/models/tiny-llama";
    fixture.document.edit(withModel, EditOrigin{QStringLiteral("model"), 0});
    fixture.window.openExport();
    auto* dialog = fixture.window.findChild<ExportDialog*>();
    QVERIFY(dialog);
    dialog->chooseLayout(QStringLiteral("gguf"));
    dialog->accept();
    QTRY_VERIFY_WITH_TIMEOUT(
        fixture.window.messageBar()->text().contains(QStringLiteral("GGUF has no type for this recipe")),
        kPatienceMs);
    QVERIFY(fixture.window.messageBar()->text().contains(QStringLiteral("Choose q4_k")));
    QVERIFY(fixture.document.experiment() == withModel);
    QVERIFY(!fixture.exporter.isRunning());
}

void TestShellWindow::savingStatisticsRunsBesideTheWorkAndStops() {
    Fixture fixture;
    Experiment withModel = fixture.document.experiment();
    withModel.model.modelPath = "/models/tiny-llama";
    fixture.document.edit(withModel, EditOrigin{QStringLiteral("model"), 0});
    fixture.window.saveCalibrationTo(QStringLiteral("/tmp/never-written"));
    QVERIFY(fixture.calibrationSaver.isRunning());
    JobLine* line = fixture.window.jobs()->backgroundLine();
    QTRY_VERIFY_WITH_TIMEOUT(line->isVisible() && line->text().contains(QStringLiteral("block 2")),
                             kPatienceMs);
    QVERIFY2(line->text().startsWith(QStringLiteral("saving statistics")), qPrintable(line->text()));
    QVERIFY(savingThread.load() != nullptr && savingThread.load() != QThread::currentThread());
    fixture.window.openExport();  // the line shows one job
    QVERIFY(!fixture.window.findChild<ExportDialog*>());
    QVERIFY(fixture.window.messageBar()->text().contains(QStringLiteral("Statistics are being saved")));
    QTest::mouseClick(line->cancelButton(), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(!fixture.calibrationSaver.isRunning(), kPatienceMs);
    QVERIFY(!line->isVisible());
    QVERIFY(!fixture.window.messageBar()->text().contains(QStringLiteral("are saved in")));
    fixture.window.openExport();
    QVERIFY(fixture.window.findChild<ExportDialog*>());
}

void TestShellWindow::considerationsSort() {
    const double nothing = std::nan("");
    Considerations table;
    table.columns = {{"method", "Method", {}, false}, {"bits", "Bits", {}, true}};
    table.rows = {{{"b", nothing, {}}, {"10", 10, {}}},
                  {{"c", nothing, {}}, {"", nothing, {}}},
                  {{"a", nothing, {}}, {"9", 9, {}}}};
    ConsiderationsModel model(table);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    const auto names = [&model] {
        QString text;
        for (int row = 0; row < model.rowCount(); ++row) text += model.index(row, 0).data().toString();
        return text;
    };
    model.sort(1, Qt::AscendingOrder);  // by number, what is not known last
    QCOMPARE(names(), QStringLiteral("abc"));
    model.sort(1, Qt::DescendingOrder);
    QCOMPARE(names(), QStringLiteral("bac"));
    QCOMPARE(model.index(2, 1).data().toString(), QStringLiteral("–"));
    model.sort(0, Qt::DescendingOrder);  // by text
    QCOMPARE(names(), QStringLiteral("cba"));

    Fixture fixture;
    QVERIFY(QTest::qWaitForWindowActive(&fixture.window, kPatienceMs));
    QTest::keyClick(&fixture.window, Qt::Key_M, Qt::ControlModifier);
    auto* dialog = fixture.window.findChild<ConsiderationsDialog*>();
    QVERIFY(dialog);
    QCOMPARE(dialog->view()->model()->rowCount(), static_cast<int>(allMethods().size()));
    const QString folder = qEnvironmentVariable("QUANTSCOPE_PICTURES");
    if (!folder.isEmpty()) dialog->grab().save(folder + QStringLiteral("/considerations.png"));
}

QTEST_MAIN(TestShellWindow)
#include "test_shell_window.moc"
