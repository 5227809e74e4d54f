// SPDX-License-Identifier: GPL-3.0-or-later
// The window over the real engine, driven offscreen from file to export.
#include <QComboBox>
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
#include "io/gguf_writer.h"
#include "labs/model_lab.h"
#include "labs/tensor_lab.h"
#include "plots/heatmap_view.h"
#include "plots/histogram_view.h"
#include "plots/plot_view.h"
#include "shell/metrics_model.h"
#include "shell/parameter_control.h"
#include "shell/parameter_form.h"
#include "shell/session_file.h"
#include "shell/tick_slider.h"
#include "shell/variant_card.h"
#include "shell/variant_parameters.h"
#include "shell/variants_panel.h"

using namespace quantscope;

namespace {

constexpr auto kSmallMatrix = "outliers/rows=48/cols=128/seed=1";

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

/// What a person can do to one control, in steps; each leaves another value in it.
int stepsOf(const ParameterControl& control) {
    if (const auto* slider = control.findChild<TickSlider*>()) return std::min(slider->count(), 12);
    if (const auto* box = control.findChild<QComboBox*>()) return box->count();
    return 2;
}

void takeStep(ParameterControl& control, int step) {
    if (auto* slider = control.findChild<TickSlider*>()) {
        QTest::keyClick(slider, step == 0 ? Qt::Key_Home : Qt::Key_Right);
    } else if (auto* box = control.findChild<QComboBox*>()) {
        box->setCurrentIndex(step);
        Q_EMIT box->activated(step);
    } else if (auto* check = control.findChild<QAbstractButton*>()) {
        check->click();
    } else if (auto* field = control.findChild<QLineEdit*>()) {
        field->setFocus();
        field->selectAll();
        QTest::keyClicks(field, step == 0 ? QStringLiteral("0.5") : QStringLiteral("nonsense"));
        QTest::keyClick(field, Qt::Key_Return);
    }
}

/// Empty when every variant of the newest results has a report or a reason.
QString unanswered(const SessionController& session) {
    const auto results = session.tensorResults();
    if (!results) return QStringLiteral("no results");
    if (results->error) return QString::fromStdString(results->error->message);
    if (!(results->request.variants == session.experiment().variants))
        return QStringLiteral("results of another request");
    for (const TensorVariantResult& variant : results->variants) {
        if (!variant.report && !variant.error) return QString::fromStdString(variant.title);
        if (variant.error && variant.error->message.empty())
            return QStringLiteral("an error that says nothing");
    }
    return {};
}

/// Answers the next file dialog with `path`.
void answerFileDialog(const QString& path) {
    auto* timer = new QTimer(qApp);
    timer->setInterval(10);
    QObject::connect(timer, &QTimer::timeout, timer, [timer, path] {
        auto* dialog = qobject_cast<QFileDialog*>(QApplication::activeModalWidget());
        if (!dialog) return;
        timer->deleteLater();
        if (auto* name = dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"))) name->setText(path);
        QMetaObject::invokeMethod(dialog, "accept", Qt::QueuedConnection);
    });
    timer->start();
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
    void everyChoiceOfEveryControlAnswers_data();
    void everyChoiceOfEveryControlAnswers();
    void comparesUpToSixVariants();
    void corruptFileKeepsTheResults();
    void hiddenLabDoesNotCompute();
    void evaluatesAndCancels();
    void exportsEveryPlot();
    void sessionSavedFromTheMenuReopensEqual();
    void droppedFileOpens();
    void mapRegionIsNoUndoStep();
    void closingRemembersTheSession();
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
    QVERIFY(std::holds_alternative<TensorSource>(driven.session.experiment().matrix));
    QCOMPARE(!driven.session.experiment().model.modelPath.empty(), isModel);
    QCOMPARE(unanswered(driven.session), QString());
    const auto& title = driven.session.tensorResults()->title;
    QVERIFY(driven.window.windowTitle().contains(QString::fromStdString(title)));
    driven.session.undoStack()->undo();
    QVERIFY(driven.settles());
    QCOMPARE(driven.session.experiment(), DrivenWindow::synthetic(kSmallMatrix));
}

void TestDriveWindow::everyChoiceOfEveryControlAnswers_data() {
    QTest::addColumn<QString>("start");
    QTest::addColumn<bool>("activations");
    QTest::newRow("affine groups") << QStringLiteral("int4/affine/group=32") << false;
    QTest::newRow("symmetric channel") << QStringLiteral("int8") << false;
    QTest::newRow("clipped tensor") << QStringLiteral("int4/tensor/mse") << false;
    QTest::newRow("activations") << QStringLiteral("int8") << true;
}

void TestDriveWindow::everyChoiceOfEveryControlAnswers() {
    QFETCH(QString, start);
    QFETCH(bool, activations);
    Experiment first = DrivenWindow::synthetic(kSmallMatrix);
    auto variant = parseVariant(start.toStdString());
    QVERIFY(variant.has_value());
    if (activations) variant = withActivationParameter(*variant, "activations", "true");
    first.variants = {first.variants.front(), *variant};
    DrivenWindow driven(first);
    driven.window.variantsPanel()->openCard(1);
    QVERIFY(driven.settles());
    VariantCard* card = driven.window.variantsPanel()->card(1);
    ParameterForm* form = activations ? card->activationForm() : card->weightForm();
    int steps = 0;
    const auto parameters = activations ? activationParameters(*variant) : weightParameters(*variant);
    for (const ParameterInfo& info : parameters) {
        ParameterControl* control = form->control(info.key);
        QVERIFY2(control, info.key.c_str());
        for (int step = 0, count = stepsOf(*control); step < count; ++step, ++steps) {
            const QString where =
                QStringLiteral("%1 step %2").arg(QString::fromStdString(info.key)).arg(step);
            if (step > 0 && !form->control(info.key)->findChild<TickSlider*>()) {
                driven.session.edit(first, {QStringLiteral("back"), 0});
                QCoreApplication::processEvents();
            }
            takeStep(*form->control(info.key), step);
            QVERIFY2(driven.settles(20), qPrintable(where));
            const QString missing = unanswered(driven.session);
            QVERIFY2(missing.isEmpty(), qPrintable(where + QStringLiteral(": ") + missing));
        }
        driven.session.edit(first, {QStringLiteral("back"), 0});
        QCoreApplication::processEvents();
    }
    QVERIFY(steps >= (activations ? 5 : 20));
    QVERIFY(driven.settles());
    while (driven.session.undoStack()->canUndo()) driven.session.undoStack()->undo();
    QCOMPARE(driven.session.experiment(), first);
    driven.session.undoStack()->redo();
    QVERIFY(!(driven.session.experiment() == first));
}

void TestDriveWindow::comparesUpToSixVariants() {
    DrivenWindow driven(DrivenWindow::synthetic(kSmallMatrix));
    QVERIFY(driven.settles());
    auto* lab = driven.window.findChild<TensorLab*>();
    QVERIFY(lab);
    QCOMPARE(driven.session.tensorResults()->variants.size(), size_t{4});
    QCOMPARE(driven.window.metricsModel()->rowCount(), 4);
    while (driven.window.variantsPanel()->variants().size() < kMaxVariants)
        driven.window.variantsPanel()->addVariant();
    QVERIFY(driven.settles());
    QCOMPARE(unanswered(driven.session), QString());
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
    const auto before = driven.session.tensorResults();
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
    QCOMPARE(driven.session.tensorResults(), before);
    QVERIFY(driven.window.findChild<TensorLab*>()->histograms().front()->isVisible());
}

void TestDriveWindow::hiddenLabDoesNotCompute() {
    DrivenWindow driven(DrivenWindow::sample());
    QVERIFY(driven.settles());
    QVERIFY(driven.session.tensorResults());
    QVERIFY(!driven.session.modelResults());
    QVERIFY(!driven.session.work(LabKind::Model).busy);
    driven.window.showLab(LabKind::Model);
    const auto tensorBefore = driven.session.tensorResults();
    driven.window.variantsPanel()->remove(3);
    QTest::qWait(100);
    QCOMPARE(driven.session.tensorResults(), tensorBefore);
    QVERIFY(!driven.session.work(LabKind::Tensor).busy);
    driven.session.cancel();
}

void TestDriveWindow::evaluatesAndCancels() {
    DrivenWindow driven(DrivenWindow::sample(2));
    driven.window.showLab(LabKind::Model);
    QVERIFY(driven.settles(120));
    auto results = driven.session.modelResults();
    QVERIFY2(!results->error, results->error ? results->error->message.c_str() : "");
    QVERIFY(results->complete);
    QCOMPARE(results->evaluation.chunksDone, 2);
    QCOMPARE(results->evaluation.variants.size(), size_t{4});
    QCOMPARE(driven.window.metricsModel()->rowCount(), 4);
    QVERIFY(results->evaluation.variants[0].perplexity > 1);
    auto* lab = driven.window.findChild<ModelLab*>();
    auto* choice = lab->findChild<HeaderChoice*>();
    QVERIFY(!choice->currentText().isEmpty());

    QSignalSpy live(&driven.session, &SessionController::modelResultsChanged);
    Experiment whole = driven.session.experiment();
    whole.modelProtocol.evaluation.maxChunks = 0;
    driven.session.edit(whole, {QStringLiteral("windows"), 0});
    QVERIFY(DrivenWindow::waitUntil([&] {
        const auto now = driven.session.modelResults();
        return live.size() > 2 && now->evaluation.chunksTotal > 2 && now->evaluation.chunksDone >= 1;
    }));
    QPushButton* run = nullptr;
    for (auto* button : lab->findChildren<QPushButton*>())
        if (button->text() == QStringLiteral("Cancel")) run = button;
    QVERIFY(run);
    QTest::mouseClick(run, Qt::LeftButton);
    QVERIFY(!driven.session.work(LabKind::Model).busy);
    QCOMPARE(run->text(), QStringLiteral("Evaluate"));
    results = driven.session.modelResults();
    QVERIFY(!results->complete);
    QVERIFY(!results->evaluation.variants.empty());
}

void TestDriveWindow::exportsEveryPlot() {
    const QTemporaryDir folder;
    DrivenWindow driven(DrivenWindow::sample(1));
    QVERIFY(driven.settles());
    int exported = 0;
    for (const LabKind lab : {LabKind::Tensor, LabKind::Model}) {
        driven.window.showLab(lab);
        QVERIFY(driven.settles(120));
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
    QVERIFY2(exported >= 13, qPrintable(QString::number(exported)));
}

void TestDriveWindow::sessionSavedFromTheMenuReopensEqual() {
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("kept.json"));
    Experiment kept;
    {
        DrivenWindow driven(DrivenWindow::sample());
        driven.window.variantsPanel()->duplicate(2);
        kept = driven.session.experiment();
        QVERIFY(QTest::qWaitForWindowActive(&driven.window));
        answerFileDialog(path);
        QTest::keyClick(&driven.window, Qt::Key_S, Qt::ControlModifier);
    }
    QVERIFY(QFile::exists(path));
    DrivenWindow other(DrivenWindow::synthetic(kSmallMatrix));
    QVERIFY(QTest::qWaitForWindowActive(&other.window));
    answerFileDialog(path);
    QTest::keyClick(&other.window, Qt::Key_O, Qt::ControlModifier);
    QCOMPARE(other.session.experiment(), kept);
    QVERIFY(other.settles());
    QCOMPARE(unanswered(other.session), QString());
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
    const auto* source = std::get_if<TensorSource>(&driven.session.experiment().matrix);
    QVERIFY(source);
    QCOMPARE(QString::fromStdString(source->path), path);
}

void TestDriveWindow::mapRegionIsNoUndoStep() {
    DrivenWindow driven(DrivenWindow::synthetic("normal/rows=2048/cols=4096/seed=1"));
    QVERIFY(driven.settles());
    const auto& protocol = driven.session.experiment().tensorProtocol;
    const MatrixRegion whole = protocol.heatmapRegion;
    const int before = driven.session.undoStack()->count();
    driven.window.findChild<TensorLab*>()->findChild<HeatmapView*>()->zoomTo({0, 64}, {0, 64});
    // The view asks when the wheel has come to rest; only then is the picture of the part computed.
    QVERIFY(DrivenWindow::waitUntil([&] { return !(protocol.heatmapRegion == whole); }));
    QVERIFY(driven.settles());
    const MatrixRegion part = protocol.heatmapRegion;
    QVERIFY(part.rowEnd >= 64 && part.rowEnd < 200);
    QVERIFY(part.colEnd >= 64 && part.colEnd < 200);
    QCOMPARE(driven.session.undoStack()->count(), before);
    QCOMPARE(driven.session.tensorResults()->request.tensorProtocol.heatmapRegion, part);
    driven.window.variantsPanel()->remove(3);
    driven.session.undoStack()->undo();
    QCOMPARE(driven.session.experiment().variants.size(), size_t{4});
    QCOMPARE(protocol.heatmapRegion, part);
}

void TestDriveWindow::closingRemembersTheSession() {
    QCoreApplication::setOrganizationName(QStringLiteral("quantscope-test"));
    QCoreApplication::setApplicationName(QStringLiteral("drive-window"));
    const Experiment shown = DrivenWindow::synthetic(kSmallMatrix);
    QSize size;
    {
        DrivenWindow driven(shown, true);
        driven.window.resize(1210, 740);
        size = driven.window.size();
        QVERIFY(driven.window.close());
    }
    const QString path = QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) +
                         QStringLiteral("/last-session.json");
    const auto last = loadSession(path.toStdString());
    QVERIFY2(last.has_value(), last ? "" : last.error().message.c_str());
    QCOMPARE(last->experiment, shown);
    QSettings settings;
    QVERIFY(!settings.value(QStringLiteral("geometry")).toByteArray().isEmpty());
    settings.clear();
    QFile::remove(path);
}

QTEST_MAIN(TestDriveWindow)
#include "test_drive_window.moc"
