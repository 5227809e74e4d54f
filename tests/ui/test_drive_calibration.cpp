// SPDX-License-Identifier: GPL-3.0-or-later
// Calibration statistics and finished layers in the window, over the real engine.
#include <QAction>
#include <QDir>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <QtEndian>
#include <algorithm>

#include "driven_window.h"
#include "file_dialog_answer.h"
#include "labs/calibration_button.h"
#include "shell/job_line.h"
#include "shell/jobs_strip.h"
#include "shell/session_file.h"
#include "shell/variants_panel.h"

using namespace quantscope;

namespace {

/// A method that calibrates, on little text.
Experiment calibrating() {
    Experiment experiment = DrivenWindow::sample(2).experiment;
    experiment.variants = *parseVariants("float; gptq/int3/group=64/inputs=float");
    experiment.model.calibrationChunks = 2;
    experiment.edit<ModelPart>().layerTokens = 64;
    return experiment;
}

struct ModelWindow : DrivenWindow {
    CalibrationButton* button = window.findChild<CalibrationButton*>();

    explicit ModelWindow(const Experiment& first) : DrivenWindow(first) {}
    bool shows() {
        window.showLab("model");
        return settles(kLongSeconds);
    }
    /// The menu's entry, with `path` chosen in the dialog it opens.
    static void choose(QAction* action, const QString& path) {
        answerFileDialog(path);
        action->trigger();
    }
    [[nodiscard]] bool says(const QString& what) const {
        return waitUntil(
            [&] { return window.messageBar()->text().contains(what) && !calibrationSaver.isRunning(); },
            kLongSeconds);
    }
    [[nodiscard]] const ModelSource& source() const { return document.experiment().model; }
    [[nodiscard]] QString bottomLine() const {
        return window.jobs()->findChildren<JobLine*>().first()->text();
    }
    /// Something visible in the window says it.
    [[nodiscard]] bool windowShows(const QString& what) const {
        const auto labels = window.findChildren<QLabel*>();
        return std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) {
            return label->isVisible() && label->text().contains(what);
        });
    }
};

void takePictures(const ModelWindow& driven) {
    const QString folder = qEnvironmentVariable("QUANTSCOPE_PICTURES");
    if (folder.isEmpty()) return;
    driven.button->menu()->grab().save(folder + QStringLiteral("/calibration-menu.png"));
    QWidget& window = *driven.button->window();
    window.grab().save(folder + QStringLiteral("/calibration.png"));
}

std::string whatFailed(const Document& document) {
    const auto results = document.resultsOf<ModelResults>("model");
    if (!results) return "no results";
    if (results->error) return describe(*results->error);
    return results->layersError ? describe(*results->layersError) : std::string();
}

/// The sample model with the last bit of each half flipped: another model that runs like it.
bool writeAnotherModel(const QString& folder) {
    const QDir from(QString::fromStdString(inRepository("samples/tiny-llama")));
    const QString weights = QStringLiteral("model.safetensors");
    for (const QString& name : from.entryList(QDir::Files))
        if (name != weights && !QFile::copy(from.filePath(name), folder + QLatin1Char('/') + name))
            return false;
    QFile own(from.filePath(weights));
    if (!own.open(QIODevice::ReadOnly)) return false;
    QByteArray bytes = own.readAll();
    const auto header = qFromLittleEndian<qsizetype>(bytes.constData());
    for (qsizetype i = 8 + header; i < bytes.size(); i += 2) bytes[i] = static_cast<char>(bytes[i] ^ 1);
    QFile other(folder + QLatin1Char('/') + weights);
    return other.open(QIODevice::WriteOnly) && other.write(bytes) == bytes.size();
}

}  // namespace

class TestDriveCalibration : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void initTestCase();
    void savedStatisticsScoreLikeTheText();
    void choosingATextDropsTheStatistics();
    void statisticsThatDoNotFitAreAnError_data();
    void statisticsThatDoNotFitAreAnError();
    void savingThatFailsSaysWhy();
    void exportTakesSavedStatistics();
    void resumedRunSaysWhatItTook();

 private:
    QTemporaryDir m_folder;
    QString m_saved = m_folder.filePath(QStringLiteral("saved.safetensors"));
};

void TestDriveCalibration::initTestCase() {
    QVERIFY(m_folder.isValid());
    const auto kernels = *KernelSet::open(detectCpuFeatures());
    SourceLibrary sources(*kernels);
    const Status saved =
        saveCalibration({calibrating().model, m_saved.toStdString()}, sources, kernels->active());
    QVERIFY2(saved.has_value(), saved ? "" : describe(saved.error()).c_str());
}

void TestDriveCalibration::savedStatisticsScoreLikeTheText() {
    ModelWindow driven(calibrating());
    QVERIFY(driven.shows());
    QCOMPARE(whatFailed(driven.document), std::string());
    const auto byText = driven.document.resultsOf<ModelResults>("model");
    QVERIFY(driven.button->isVisible());
    QVERIFY2(driven.button->text().contains(QStringLiteral("calibration.txt")),
             qPrintable(driven.button->text()));
    // The suffix is the window's.
    ModelWindow::choose(driven.button->saveStatisticsAction(), m_folder.filePath(QStringLiteral("own")));
    QVERIFY2(driven.says(QStringLiteral("are saved in ")), qPrintable(driven.window.messageBar()->text()));
    const QString own = m_folder.filePath(QStringLiteral("own.safetensors"));
    QVERIFY(QFile(own).size() > 1000);

    ModelWindow::choose(driven.button->useStatisticsAction(), own);
    QCOMPARE(driven.source().calibrationFile, own.toStdString());
    QVERIFY(driven.source().calibrationPath.empty());
    QVERIFY(driven.settles(kLongSeconds));
    QCOMPARE(whatFailed(driven.document), std::string());
    const auto byFile = driven.document.resultsOf<ModelResults>("model");
    QVERIFY(byFile->sequence > byText->sequence);
    const VariantScore& score = byFile->evaluation.variants[1];
    QVERIFY(score.perplexity == byText->evaluation.variants[1].perplexity);
    QVERIFY(score.perplexity > byFile->evaluation.variants[0].perplexity);
    QCOMPARE(byFile->layers->front().localError, byText->layers->front().localError);
    QVERIFY2(driven.button->text().contains(QStringLiteral("own.safetensors")),
             qPrintable(driven.button->text()));
    takePictures(driven);
    QVERIFY(!driven.button->saveStatisticsAction()->isEnabled());  // there is no text to gather them from

    driven.document.undoStack()->undo();
    QVERIFY(driven.document.experiment() == calibrating());
    QVERIFY(driven.button->text().contains(QStringLiteral("calibration.txt")));
    // A window that has never read the text scores the same.
    Experiment first = calibrating();
    first.model.calibrationFile = own.toStdString();
    first.model.calibrationPath.clear();
    ModelWindow other(first);
    QVERIFY(other.shows());
    QVERIFY(other.document.resultsOf<ModelResults>("model")->evaluation.variants[1].perplexity ==
            score.perplexity);
}

void TestDriveCalibration::choosingATextDropsTheStatistics() {
    Experiment first = calibrating();
    first.model.calibrationFile = m_saved.toStdString();
    first.model.calibrationPath.clear();
    ModelWindow driven(first);
    const QString text = QString::fromStdString(inRepository("samples/text/held-out.txt"));
    ModelWindow::choose(driven.button->chooseTextAction(), text);
    QCOMPARE(driven.source().calibrationPath, text.toStdString());
    QVERIFY(driven.source().calibrationFile.empty());
    QVERIFY(driven.button->text().contains(QStringLiteral("held-out.txt")));
    QVERIFY(driven.button->toolTip().contains(QStringLiteral("drops the statistics")));
    QVERIFY(driven.button->saveStatisticsAction()->isEnabled());
}

void TestDriveCalibration::statisticsThatDoNotFitAreAnError_data() {
    QTest::addColumn<bool>("anotherModel");
    QTest::addColumn<QString>("says");
    QTest::newRow("another model") << true << QStringLiteral("another model");
    QTest::newRow("no statistics") << false << QStringLiteral("held-out.txt");
}

void TestDriveCalibration::statisticsThatDoNotFitAreAnError() {
    QFETCH(bool, anotherModel);
    QFETCH(QString, says);
    Experiment first = calibrating();
    const QTemporaryDir folder;
    if (anotherModel) {
        QVERIFY(writeAnotherModel(folder.path()));
        first.model.modelPath = folder.path().toStdString();
    }
    ModelWindow driven(first);
    const QString file =
        anotherModel ? m_saved : QString::fromStdString(inRepository("samples/text/held-out.txt"));
    ModelWindow::choose(driven.button->useStatisticsAction(), file);
    QVERIFY(driven.shows());
    // The variant that needs them fails alone, on its card and in its row; the reference is scored.
    const auto refused = driven.document.resultsOf<ModelResults>("model");
    QVERIFY(!refused->error.has_value());
    QVERIFY(refused->rows[0].values.contains("perplexity") && !refused->rows[0].error);
    QVERIFY(refused->rows[1].error.has_value() && !refused->rows[1].values.contains("perplexity"));
    const Error& error = *refused->rows[1].error;
    QCOMPARE(error.kind, anotherModel ? ErrorKind::InvalidArgument : ErrorKind::Malformed);
    driven.window.variantsPanel()->openCard(1);
    QVERIFY2(driven.windowShows(says), describe(error).c_str());
    driven.document.undoStack()->undo();
    QVERIFY(driven.settles(kLongSeconds));
    QCOMPARE(whatFailed(driven.document), std::string());
    QVERIFY(!driven.document.results("model")->rows[1].error);
}

void TestDriveCalibration::savingThatFailsSaysWhy() {
    ModelWindow driven(calibrating());
    driven.window.saveCalibrationTo(m_folder.filePath(QStringLiteral("missing/there.safetensors")));
    QVERIFY2(driven.says(QStringLiteral("there.safetensors")),
             qPrintable(driven.window.messageBar()->text()));
    QVERIFY2(!driven.window.messageBar()->text().contains(QStringLiteral("are saved in")),
             qPrintable(driven.window.messageBar()->text()));
    Experiment without = calibrating();
    without.model.calibrationPath.clear();
    driven.document.edit(without, EditOrigin{QStringLiteral("no text"), 0});
    driven.window.saveCalibrationTo(m_folder.filePath(QStringLiteral("none.safetensors")));
    QVERIFY2(driven.says(QStringLiteral("Choose a calibration text")),
             qPrintable(driven.window.messageBar()->text()));
    QVERIFY(!QFile::exists(m_folder.filePath(QStringLiteral("none.safetensors"))));
}

void TestDriveCalibration::exportTakesSavedStatistics() {
    const QTemporaryDir folder;
    const auto kernels = *KernelSet::open(detectCpuFeatures());
    SourceLibrary sources(*kernels);
    const Experiment experiment = calibrating();
    const auto written = [&](const char* name, const LanguageModelExport& request) {
        LanguageModelExport work = request;
        work.target = folder.filePath(QLatin1String(name)).toStdString();
        const auto done = exportLanguageModel(work, sources, kernels->active());
        if (!done) return QByteArray::fromStdString(describe(done.error()));
        QFile file(QString::fromStdString((work.target / "model.safetensors").string()));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    };
    LanguageModelExport request{
        experiment.model.modelPath, *parseVariant("gptq/int4/group=64/inputs=float"), "gptq", {}, {}};
    request.calibrationFile = m_saved.toStdString();
    const QByteArray byFile = written("file", request);
    QVERIFY2(byFile.size() > 100'000, byFile.constData());
    request.calibrationFile.clear();
    request.calibrationPath = experiment.model.calibrationPath;
    request.calibrationChunks = experiment.model.calibrationChunks;
    QVERIFY(written("text", request) == byFile);
    request.calibrationFile = m_saved.toStdString();
    request.variant = *parseVariant("gptq/int4/group=64/inputs=quantized");
    const QByteArray ordered = written("ordered", request);
    QVERIFY2(ordered.contains("calibrate on the text itself"), ordered.left(300).constData());
    QVERIFY(writeAnotherModel(folder.path()));
    request.source = folder.path().toStdString();
    QVERIFY(written("other", request).contains("another model"));
}

void TestDriveCalibration::resumedRunSaysWhatItTook() {
    const QTemporaryDir kept;
    const QString says = QStringLiteral("42 layers were taken from %1").arg(kept.path());
    Experiment experiment;
    double perplexity = 0;
    {
        ModelWindow driven(calibrating());
        QVERIFY(!driven.button->forgetLayersAction()->isEnabled());
        ModelWindow::choose(driven.button->keepLayersAction(), kept.path());
        QCOMPARE(driven.document.places().resumeFolder, kept.path().toStdString());
        QCOMPARE(driven.document.undoStack()->count(), 0);
        QVERIFY(driven.shows());
        QCOMPARE(whatFailed(driven.document), std::string());
        QVERIFY(driven.document.resultsOf<ModelResults>("model")->evaluation.notes.empty());
        QCOMPARE(QDir(kept.path()).entryList(QDir::Files).size(), 42);
        experiment = driven.document.experiment();
        perplexity = driven.document.resultsOf<ModelResults>("model")->evaluation.variants[1].perplexity;
    }
    ModelWindow resumed(experiment);
    // As a session file of today or of earlier says it.
    const Session session{{experiment, {}, {kept.path().toStdString()}}, {}};
    resumed.document.setPlaces(parseSession(sessionJson(session))->request.places);
    QVERIFY(resumed.shows());
    QVERIFY(resumed.document.resultsOf<ModelResults>("model")->evaluation.variants[1].perplexity ==
            perplexity);
    QVERIFY2(resumed.bottomLine().contains(says), qPrintable(resumed.bottomLine()));
    QVERIFY(resumed.button->toolTip().contains(kept.path()));
    resumed.button->forgetLayersAction()->trigger();
    QVERIFY(resumed.document.places().resumeFolder.empty());
    resumed.document.measureAgain();
    QVERIFY(resumed.settles(kLongSeconds));
    QVERIFY2(!resumed.bottomLine().contains(QStringLiteral("taken")), qPrintable(resumed.bottomLine()));
}

QTEST_MAIN(TestDriveCalibration)
#include "test_drive_calibration.moc"
