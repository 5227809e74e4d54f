// SPDX-License-Identifier: GPL-3.0-or-later
// The main window's menu, and what its entries open beside the labs.
#include <QAction>
#include <QDir>
#include <QDockWidget>
#include <QMenu>
#include <QWhatsThis>
#include <algorithm>

#include "analysis/layers/sizes.h"
#include "app/results/considerations.h"
#include "shell/calibration_saver.h"
#include "shell/considerations_dialog.h"
#include "shell/export_dialog.h"
#include "shell/jobs_strip.h"
#include "shell/main_window.h"
#include "shell/message_bar.h"
#include "shell/metrics_panel.h"
#include "shell/model_exporter.h"
#include "shell/sources_panel.h"
#include "shell/variants_panel.h"

namespace quantscope {
namespace {

constexpr int kFirstAfterReference = 1;

}  // namespace

void MainWindow::buildMenus() {
    m_openMenu = new QMenu(this);
    const auto add = [this](QMenu* menu, const QString& text, const QKeySequence& key, auto&& slot) {
        QAction* action = menu->addAction(text, this, slot);
        action->setShortcut(key);
        addAction(action);
        return action;
    };
    add(m_openMenu, tr("Open file…"), QKeySequence::Open, [this] { chooseFile(); });
    add(m_openMenu, tr("Open model folder…"), QKeySequence(tr("Ctrl+Shift+O")), [this] { chooseFolder(); });
    add(m_openMenu, tr("Text to evaluate on…"), {}, [this] { chooseText(); });
    m_recentMenu = m_openMenu->addMenu(tr("Recent"));
    connect(m_openMenu, &QMenu::aboutToShow, this, &MainWindow::fillRecent);
    m_sourcesPanel->setOpenMenu(m_openMenu);

    m_menu->addActions(m_openMenu->actions());
    m_menu->addSeparator();
    add(m_menu, tr("Save session…"), QKeySequence::Save, [this] { chooseSaveSession(); });
    if (m_parts.exporter)
        add(m_menu, tr("Export model…"), QKeySequence(tr("Ctrl+E")), [this] { openExport(); });
    m_menu->addSeparator();
    add(m_menu, tr("Measure again"), QKeySequence(Qt::Key_F5), [this] { m_document->measureAgain(); });
    add(m_menu, tr("Copy table as TSV"), {}, [this] { m_metricsPanel->copy(QLatin1Char('\t')); });
    add(m_menu, tr("Copy table as CSV"), {}, [this] { m_metricsPanel->copy(QLatin1Char(',')); });
    m_menu->addSeparator();
    QAction* toggleSources = m_sourcesDock->toggleViewAction();
    toggleSources->setShortcut(QKeySequence(tr("Ctrl+B")));
    QAction* toggleVariants = m_variantsDock->toggleViewAction();
    toggleVariants->setShortcut(QKeySequence(tr("Ctrl+Shift+B")));
    m_menu->addActions({toggleSources, toggleVariants});
    addActions({toggleSources, toggleVariants});
    add(m_menu, tr("Reset layout"), {}, [this] { resetLayout(); });
    m_menu->addSeparator();
    add(m_menu, tr("What is this?"), QKeySequence(tr("Shift+F1")), [] { QWhatsThis::enterWhatsThisMode(); });
    add(m_menu, tr("Which method when…"), QKeySequence(tr("Ctrl+M")), [this] { showConsiderations(); });
    add(m_menu, tr("Help and keys"), QKeySequence::HelpContents, [this] { showHelp(); });
    add(m_menu, tr("Quit"), QKeySequence::Quit, [this] { close(); });
}

void MainWindow::connectExporter() {
    ModelExporter* exporter = m_parts.exporter;
    if (!exporter) return;
    connect(exporter, &ModelExporter::workChanged, m_jobs, &JobsStrip::setBackgroundWork);
    connect(m_jobs, &JobsStrip::backgroundCancelRequested, exporter, &ModelExporter::cancel);
    connect(exporter, &ModelExporter::failed, this, &MainWindow::showError);
    connect(exporter, &ModelExporter::exported, this, &MainWindow::showExported);
}

void MainWindow::connectCalibrationSaver() {
    CalibrationSaver* saver = m_parts.calibrationSaver;
    if (!saver) return;
    connect(saver, &CalibrationSaver::workChanged, m_jobs, &JobsStrip::setBackgroundWork);
    connect(m_jobs, &JobsStrip::backgroundCancelRequested, saver, &CalibrationSaver::cancel);
    connect(saver, &CalibrationSaver::failed, this, &MainWindow::showError);
    connect(saver, &CalibrationSaver::saved, this, [this](const CalibrationSave& request) {
        const auto native = [](const std::string& path) {
            return QDir::toNativeSeparators(QString::fromStdString(path));
        };
        m_messages->showMessage(
            tr("The statistics of %1 are saved in %2.")
                .arg(native(request.source.calibrationPath), native(request.target.string())));
    });
}

/// One job beside the lab's at a time, because the bottom line shows one; says which one runs.
bool MainWindow::isBackgroundBusy() {
    if (m_parts.exporter && m_parts.exporter->isRunning()) {
        m_messages->showMessage(tr("An export is running; cancel it or wait for its end."));
        return true;
    }
    if (m_parts.calibrationSaver && m_parts.calibrationSaver->isRunning()) {
        m_messages->showMessage(tr("Statistics are being saved; cancel that or wait for its end."));
        return true;
    }
    return false;
}

void MainWindow::saveCalibrationTo(const QString& path) {
    if (!m_parts.calibrationSaver || isBackgroundBusy()) return;
    m_parts.calibrationSaver->start({m_document->experiment().model, path.toStdString()});
}

/// The variant whose controls are open, or the one the layer table shows.
void MainWindow::openExport() {
    const Experiment& experiment = m_document->experiment();
    if (experiment.model.modelPath.empty())
        return m_messages->showMessage(tr("Open a language model first: it is what would be exported."));
    if (std::all_of(experiment.variants.begin(), experiment.variants.end(),
                    [](const Variant& variant) { return variant.isFloat(); }))
        return m_messages->showMessage(tr("Every variant is float: there is nothing to export."));
    if (isBackgroundBusy()) return;
    const bool listed = !shownLab().variants && m_variantsPanel->openIndex() >= 0;
    const LabDescriptor* models = labOfModels();
    const int looked =
        models && models->currentVariant ? models->currentVariant(m_document->views()) : kFirstAfterReference;
    auto* dialog =
        new ExportDialog(m_themes, experiment, listed ? m_variantsPanel->openIndex() : looked, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] { m_parts.exporter->start(dialog->request()); });
    dialog->open();
}

/// Beside the work: it may stay open while variants are chosen.
void MainWindow::showConsiderations() {
    const LabDescriptor* models = labOfModels();
    const auto results = models ? m_document->results(models->id) : nullptr;
    auto* dialog = new ConsiderationsDialog(
        m_themes,
        results ? considerMethods(results->request.variants, results->rows) : considerMethods({}, {}), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->show();
}

void MainWindow::showExported(const LanguageModelExport& request, const ModelExportSummary& summary) {
    const QString target = QDir::toNativeSeparators(QString::fromStdString(request.target.string()));
    QString text = tr("Exported to %1: %2 layers quantized, %3 instead of %4.")
                       .arg(target)
                       .arg(summary.quantized)
                       .arg(QString::fromStdString(bytesText(summary.targetBytes)),
                            QString::fromStdString(bytesText(summary.sourceBytes)));
    for (const std::string& note : summary.notes)
        text += QStringLiteral(" ") + QString::fromStdString(note) + QLatin1Char('.');
    m_messages->showMessage(text);
}

}  // namespace quantscope
