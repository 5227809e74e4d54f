// SPDX-License-Identifier: GPL-3.0-or-later
// The window over the real engine, driven offscreen from file to export.
#include <QDropEvent>
#include <QFileDialog>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

#include "base/atomic_file.h"
#include "driven_window.h"
#include "file_dialog_answer.h"
#include "io/gguf_writer.h"
#include "labs/model_lab.h"
#include "labs/tensor_lab.h"
#include "plots/heatmap_view.h"
#include "plots/histogram_view.h"
#include "plots/plot_files.h"
#include "plots/plot_view.h"
#include "plots/token_text_view.h"
#include "program/first_session.h"
#include "shell/export_dialog.h"
#include "shell/metrics_model.h"
#include "shell/sources_panel.h"
#include "shell/variants_panel.h"

using namespace quantscope;

namespace {

QString writeSmallGguf(const QTemporaryDir& folder) {
    const QString path = folder.filePath(QStringLiteral("small.gguf"));
    std::vector<float> values(32 * 64);
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.01F * static_cast<float>(i % 97) - 0.4F;
    const std::vector<OutputTensor> tensors{
        outputTensor("blk.0.ffn_up.weight", Tensor::fromFloats({32, 64}, values)),
        outputTensor("norm.weight", Tensor::fromFloats({3}, {1, 2, 3}))};
    return writeGguf(path.toStdString(), tensors, {{"general.architecture", std::string("none")}})
               ? path
               : QString();
}

QByteArray startOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.read(5) : QByteArray();
}

}  // namespace

class TestDriveWindow : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void initTestCase() { QStandardPaths::setTestModeEnabled(true); }
    void opensEachSource_data();
    void opensEachSource();
    void comparesUpToSixVariants();
    void corruptFileKeepsTheResults();
    void hiddenLabDoesNotCompute();
    void evaluatesAndCancels();
    void exportsEveryPlot();
    void exportsTheModelBesideTheWork();
    void sessionSavedFromTheMenuReopensEqual();
    void droppedFileOpens();
    void mapRegionIsNoUndoStep();
    void secondStartRestoresTheSession();
};

void TestDriveWindow::opensEachSource_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<bool>("isModel");
    const auto row = [](const char* name, const char* path, bool isModel) {
        const QString full = QString::fromStdString(inRepository(path));
        if (QFile::exists(full)) QTest::newRow(name) << full << isModel;
    };
    row("sample model", "samples/tiny-llama", true);
    row("worked example", "samples/worked-examples/affine-3bit-a-w.npy", false);
    row("SmolLM2", "models/SmolLM2-135M-Instruct.Q4_1.gguf", true);
    QTest::newRow("written GGUF") << QString() << false;
}

void TestDriveWindow::opensEachSource() {
    QFETCH(QString, path);
    QFETCH(bool, isModel);
    const QTemporaryDir folder;
    if (path.isEmpty()) path = writeSmallGguf(folder);
    QVERIFY(!path.isEmpty());
    DrivenWindow driven(DrivenWindow::synthetic(kSmallMatrix));
    QVERIFY(driven.settles());
    driven.window.openPath(path);
    QVERIFY(driven.settles());
    QCOMPARE(driven.window.messageBar()->text(), QString());
    QVERIFY(std::holds_alternative<TensorSource>(driven.document.experiment().part<TensorPart>().matrix));
    QCOMPARE(!driven.document.experiment().model.modelPath.empty(), isModel);
    QCOMPARE(unanswered(driven.document), QString());
    const auto& title = driven.document.resultsOf<TensorResults>("tensor")->title;
    QVERIFY(driven.window.windowTitle().contains(QString::fromStdString(title)));
    driven.document.undoStack()->undo();
    QVERIFY(driven.settles());
    QCOMPARE(driven.document.experiment(), DrivenWindow::synthetic(kSmallMatrix));
}

void TestDriveWindow::comparesUpToSixVariants() {
    DrivenWindow driven(DrivenWindow::synthetic(kSmallMatrix));
    QVERIFY(driven.settles());
    auto* lab = driven.window.findChild<TensorLab*>();
    QVERIFY(lab);
    QCOMPARE(driven.document.resultsOf<TensorResults>("tensor")->variants.size(), size_t{4});
    QCOMPARE(driven.window.metricsModel()->rowCount(), 4);
    while (driven.window.variantsPanel()->variants().size() < kMaxVariants)
        driven.window.variantsPanel()->addVariant();
    QVERIFY(driven.settles());
    QCOMPARE(unanswered(driven.document), QString());
    QCOMPARE(driven.window.metricsModel()->rowCount(), kMaxVariants);
    QCOMPARE(lab->histograms().size(), size_t{kMaxVariants - 1});
    for (const HistogramView* view : lab->histograms()) QVERIFY(view->isVisible());
    driven.window.variantsPanel()->addVariant();
    QCOMPARE(driven.window.variantsPanel()->variants().size(), size_t{kMaxVariants});
    lab->histograms().front()->zoomTo({-0.1, 0.1}, lab->histograms().front()->yRange());
    QCOMPARE(lab->histograms().back()->xRange(), lab->histograms().front()->xRange());
}

void TestDriveWindow::corruptFileKeepsTheResults() {
    const QTemporaryDir folder;
    DrivenWindow driven(DrivenWindow::synthetic(kSmallMatrix));
    QVERIFY(driven.settles());
    const auto before = driven.document.resultsOf<TensorResults>("tensor");
    const QString good = writeSmallGguf(folder);
    QFile whole(good);
    QVERIFY(whole.open(QIODevice::ReadOnly));
    const QByteArray bytes = whole.readAll();
    const QString path = folder.filePath(QStringLiteral("cut.gguf"));
    QVERIFY(writeTextFile(path.toStdString(), bytes.left(bytes.size() / 2).toStdString()).has_value());
    driven.window.openPath(path);
    QVERIFY(DrivenWindow::waitUntil([&] { return !driven.window.messageBar()->text().isEmpty(); }));
    QVERIFY(driven.window.messageBar()->isVisible());
    QVERIFY(driven.window.messageBar()->text().contains(QStringLiteral("cut.gguf")));
    QCOMPARE(driven.document.resultsOf<TensorResults>("tensor"), before);
    QVERIFY(driven.window.findChild<TensorLab*>()->histograms().front()->isVisible());
}

void TestDriveWindow::hiddenLabDoesNotCompute() {
    DrivenWindow driven(DrivenWindow::sample());
    QVERIFY(driven.settles());
    QVERIFY(driven.document.resultsOf<TensorResults>("tensor"));
    QVERIFY(!driven.document.resultsOf<ModelResults>("model"));
    QVERIFY(!driven.document.work("model").busy);
    driven.window.showLab("model");
    const auto tensorBefore = driven.document.resultsOf<TensorResults>("tensor");
    driven.window.variantsPanel()->remove(3);
    // The request goes out after the throttle: then the visible lab works, and the hidden one does not.
    const auto answered = [&] {
        const auto results = driven.document.resultsOf<ModelResults>("model");
        return results && results->request.variants.size() == 3;
    };
    QVERIFY(DrivenWindow::waitUntil(answered, kLongSeconds));
    QCOMPARE(driven.document.resultsOf<TensorResults>("tensor"), tensorBefore);
    QVERIFY(!driven.document.work("tensor").busy);
    driven.document.cancel();
}

void TestDriveWindow::evaluatesAndCancels() {
    DrivenWindow driven(DrivenWindow::sample(2));
    driven.window.showLab("model");
    QVERIFY(driven.settles(kLongSeconds));
    auto results = driven.document.resultsOf<ModelResults>("model");
    QVERIFY2(!results->error, results->error ? results->error->message.c_str() : "");
    QVERIFY(results->complete);
    QCOMPARE(results->evaluation.chunksDone, 2);
    QCOMPARE(results->evaluation.variants.size(), size_t{4});
    QCOMPARE(driven.window.metricsModel()->rowCount(), 4);
    QVERIFY(results->evaluation.variants[0].perplexity > 1);
    auto* lab = driven.window.findChild<ModelLab*>();
    auto* choice = lab->findChild<HeaderChoice*>();
    QVERIFY(!choice->currentText().isEmpty());

    QSignalSpy live(&driven.document, &Document::resultsChanged);
    Experiment whole = driven.document.experiment();
    whole.edit<ModelPart>().evaluation.maxChunks = 0;
    driven.document.edit(whole, {QStringLiteral("windows"), 0});
    QVERIFY(DrivenWindow::waitUntil(
        [&] {
            const auto now = driven.document.resultsOf<ModelResults>("model");
            return live.size() > 2 && now->evaluation.chunksTotal > 2 && now->evaluation.chunksDone >= 1;
        },
        kLongSeconds));
    QPushButton* run = nullptr;
    for (auto* button : lab->findChildren<QPushButton*>())
        if (button->text() == QStringLiteral("Cancel")) run = button;
    QVERIFY(run);
    QTest::mouseClick(run, Qt::LeftButton);
    QVERIFY(!driven.document.work("model").busy);
    QCOMPARE(run->text(), QStringLiteral("Evaluate"));
    results = driven.document.resultsOf<ModelResults>("model");
    QVERIFY(!results->complete);
    QVERIFY(!results->evaluation.variants.empty());
}

void TestDriveWindow::exportsEveryPlot() {
    const QTemporaryDir folder;
    DrivenWindow driven(DrivenWindow::sample(1));
    QVERIFY(driven.settles());
    int exported = 0;
    for (const char* lab : {"tensor", "model"}) {
        driven.window.showLab(lab);
        QVERIFY(driven.settles(kLongSeconds));
        for (PlotView* plot : driven.window.findChildren<PlotView*>()) {
            if (!plot->isVisible()) continue;
            const std::map<QString, QByteArray> forms{{QStringLiteral("png"), "\x89PNG"},
                                                      {QStringLiteral("svg"), "<?xml"},
                                                      {QStringLiteral("pdf"), "%PDF-"},
                                                      {QStringLiteral("csv"), {}}};
            for (const auto& [suffix, magic] : forms) {
                const QString path = folder.filePath(QStringLiteral("plot-%1.%2").arg(exported).arg(suffix));
                QString reason;
                QVERIFY2(plot->saveTo(path, &reason), qPrintable(reason));
                QVERIFY2(startOf(path).startsWith(magic), qPrintable(path));
                QVERIFY2(QFile(path).size() > 20, qPrintable(path));
            }
            QVERIFY(!plot->table().rows.isEmpty());
            ++exported;
        }
    }
    auto* text = driven.window.findChild<TokenTextView*>();
    QVERIFY(text);
    for (const char* suffix : {"png", "svg", "pdf", "csv"}) {
        const QString path = folder.filePath(QStringLiteral("text.%1").arg(QLatin1String(suffix)));
        QVERIFY(savePlot(text->exported(), path));
        QVERIFY2(QFile(path).size() > 200, suffix);
    }
    QVERIFY2(exported >= 13, qPrintable(QString::number(exported)));
}

void TestDriveWindow::exportsTheModelBesideTheWork() {
    const QTemporaryDir folder;
    const QString target = folder.filePath(QStringLiteral("packed"));
    DrivenWindow driven(DrivenWindow::sample());
    QVERIFY(driven.settles());
    const auto shown = driven.document.resultsOf<TensorResults>("tensor");
    const auto exportTo = [&](const QString& path) {
        driven.window.openExport();
        const auto dialogs = driven.window.findChildren<ExportDialog*>();
        if (dialogs.isEmpty()) return;
        dialogs.last()->chooseVariant(2);
        dialogs.last()->chooseLayout(QStringLiteral("compressed-tensors"));
        dialogs.last()->setTarget(path);
        dialogs.last()->accept();
    };
    const auto told = [&](const QString& what) {
        return DrivenWindow::waitUntil(
            [&] { return driven.window.messageBar()->text().contains(what) && !driven.exporter.isRunning(); },
            kLongSeconds);
    };
    exportTo(target);
    QVERIFY2(told(QStringLiteral("42 layers quantized")), qPrintable(driven.window.messageBar()->text()));
    QVERIFY(QFile::exists(target + QStringLiteral("/model.safetensors")));
    QVERIFY(QFile::exists(target + QStringLiteral("/config.json")));
    exportTo(target);  // it exists now
    QVERIFY2(told(QStringLiteral("exists already")), qPrintable(driven.window.messageBar()->text()));
    QCOMPARE(driven.document.resultsOf<TensorResults>("tensor"), shown);
    QCOMPARE(unanswered(driven.document), QString());
}

void TestDriveWindow::sessionSavedFromTheMenuReopensEqual() {
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("kept.json"));
    Experiment kept;
    {
        DrivenWindow driven(DrivenWindow::sample());
        driven.window.variantsPanel()->duplicate(2);
        kept = driven.document.experiment();
        QVERIFY(QTest::qWaitForWindowActive(&driven.window, 120000));
        answerFileDialog(path);
        QTest::keyClick(&driven.window, Qt::Key_S, Qt::ControlModifier);
    }
    QVERIFY(QFile::exists(path));
    DrivenWindow other(DrivenWindow::synthetic(kSmallMatrix));
    QVERIFY(QTest::qWaitForWindowActive(&other.window, 120000));
    answerFileDialog(path);
    QTest::keyClick(&other.window, Qt::Key_O, Qt::ControlModifier);
    QCOMPARE(other.document.experiment(), kept);
    QVERIFY(other.settles());
    QCOMPARE(unanswered(other.document), QString());
}

void TestDriveWindow::droppedFileOpens() {
    const QTemporaryDir folder;
    const QString path = writeSmallGguf(folder);
    DrivenWindow driven(DrivenWindow::synthetic(kSmallMatrix));
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(path)});
    QDragEnterEvent enter(QPoint(400, 400), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(&driven.window, &enter);
    QVERIFY(enter.isAccepted());
    QDropEvent drop(QPointF(400, 400), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(&driven.window, &drop);
    QVERIFY(driven.settles());
    const auto* source = std::get_if<TensorSource>(&driven.document.experiment().part<TensorPart>().matrix);
    QVERIFY(source);
    QCOMPARE(QString::fromStdString(source->path), path);
}

void TestDriveWindow::mapRegionIsNoUndoStep() {
    DrivenWindow driven(DrivenWindow::synthetic("normal/rows=2048/cols=4096/seed=1"));
    QVERIFY(driven.settles());
    const auto region = [&] { return driven.document.views().get<TensorView>().heatmapRegion; };
    const MatrixRegion whole = region();
    const int before = driven.document.undoStack()->count();
    driven.window.findChild<TensorLab*>()->findChild<HeatmapView*>()->zoomTo({0, 64}, {0, 64});
    // The view asks when the wheel has come to rest; only then is the picture of the part computed.
    QVERIFY(DrivenWindow::waitUntil([&] { return !(region() == whole); }));
    QVERIFY(driven.settles());
    const MatrixRegion part = region();
    QVERIFY(part.rowEnd >= 64 && part.rowEnd < 200);
    QVERIFY(part.colEnd >= 64 && part.colEnd < 200);
    QCOMPARE(driven.document.undoStack()->count(), before);
    QCOMPARE(driven.document.resultsOf<TensorResults>("tensor")->views.get<TensorView>().heatmapRegion, part);
    driven.window.variantsPanel()->remove(3);
    driven.document.undoStack()->undo();
    QCOMPARE(driven.document.experiment().variants.size(), size_t{4});
    QCOMPARE(region(), part);
}

void TestDriveWindow::secondStartRestoresTheSession() {
    QCoreApplication::setOrganizationName(QStringLiteral("quantscope-test"));
    QCoreApplication::setApplicationName(QStringLiteral("drive-window"));
    Experiment shown = DrivenWindow::synthetic(kSmallMatrix);
    shown.variants = *parseVariants("float; int3/affine/group=32; preset=q4_0");
    constexpr int kHeight = 640;  // the offscreen screen is too narrow to keep the width
    {
        DrivenWindow driven(shown, true);
        driven.window.resize(1010, kHeight);
        driven.window.sourcesPanel()->parentWidget()->hide();
        driven.window.showLab("model");
        driven.themes.setDark(true);
        QVERIFY(driven.window.close());
    }
    const FirstSession next = firstSession({}, {});
    QCOMPARE(next.session.request.experiment, shown);
    QCOMPARE(next.lab, QStringLiteral("model"));
    QVERIFY(next.session.window.dark);
    DrivenWindow again(next.session.request, true, QSize());
    QCOMPARE(again.window.height(), kHeight);
    QVERIFY(!again.window.sourcesPanel()->isVisible());
    QCOMPARE(again.window.metricsModel()->rowCount(), 3);
    QVERIFY(again.settles());
    QCOMPARE(again.document.resultsOf<TensorResults>("tensor")->request, shown);
    // Whoever names a source on the command line gets that.
    ProgramOptions asked;
    asked.source = QStringLiteral("laplace");
    QVERIFY(firstSession(asked, {}).session.request.experiment.part<TensorPart>().matrix ==
            MatrixSource(SyntheticSource{"laplace"}));
    QSettings().clear();
    QFile::remove(QString::fromStdString(lastSessionPath()));
}

QTEST_MAIN(TestDriveWindow)
#include "test_drive_window.moc"
