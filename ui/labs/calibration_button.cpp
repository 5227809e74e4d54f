// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/calibration_button.h"

#include <QAction>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <algorithm>

namespace quantscope {
namespace {

/// Longer file names lose their middle, so that the header keeps room for its other controls.
constexpr int kNameLetters = 20;

QString nameOf(const std::string& path) {
    return QFileInfo(QString::fromStdString(path)).fileName();
}

}  // namespace

CalibrationButton::CalibrationButton(QWidget* parent) : QPushButton(parent) {
    auto* menu = new QMenu(this);
    menu->setToolTipsVisible(true);
    m_chooseText = menu->addAction(tr("Calibration text…"), this, &CalibrationButton::chooseText);
    m_chooseText->setToolTip(tr("Any plain text file; saved statistics are not used any more"));
    m_useStatistics =
        menu->addAction(tr("Use saved statistics…"), this, &CalibrationButton::chooseStatistics);
    m_useStatistics->setToolTip(
        tr("Statistics saved here or by quantscope-cli, or an importance matrix of llama.cpp; they take the "
           "place of the calibration text"));
    m_saveStatistics = menu->addAction(tr("Save statistics as…"), this, &CalibrationButton::chooseTarget);
    menu->addSeparator();
    m_keepLayers = menu->addAction(tr("Keep finished layers in…"), this, &CalibrationButton::chooseFolder);
    m_keepLayers->setToolTip(
        tr("A folder for each layer a method has finished: a run that was stopped goes on there"));
    m_forgetLayers = menu->addAction(tr("Do not keep finished layers"), this,
                                     [this] { Q_EMIT resumeFolderChosen(QString()); });
    setMenu(menu);
    describe();
}

void CalibrationButton::setRequest(const LabRequest& request) {
    const std::vector<Variant>& variants = request.experiment.variants;
    m_model = request.experiment.model;
    m_calibrates = std::any_of(variants.begin(), variants.end(), needsCalibration);
    m_places = request.places;
    describe();
}

void CalibrationButton::describe() {
    const ModelSource& model = m_model;
    const bool saved = !model.calibrationFile.empty();
    const QString name = nameOf(saved ? model.calibrationFile : model.calibrationPath);
    const QString shown =
        fontMetrics().elidedText(name, Qt::ElideMiddle, fontMetrics().averageCharWidth() * kNameLetters);
    setText((name.isEmpty() ? tr("Calibration…")
             : saved        ? tr("statistics: %1").arg(shown)
                            : tr("calibrate: %1").arg(shown)) +
            QStringLiteral(" ▾"));
    setToolTip(tip());
    m_saveStatistics->setEnabled(!model.calibrationPath.empty());
    m_saveStatistics->setToolTip(
        model.calibrationPath.empty()
            ? tr("Choose a calibration text first: statistics are gathered from it")
            : tr("Runs %1 through the model and keeps what calibrated methods need to know of it")
                  .arg(nameOf(model.calibrationPath)));
    m_forgetLayers->setEnabled(!m_places.resumeFolder.empty());
    // A folder in use can be left also while no method calibrates.
    setVisible(!m_places.resumeFolder.empty() || m_calibrates);
}

QString CalibrationButton::tip() const {
    QStringList lines{
        tr("What calibrated methods adapt the weights to: a text, or statistics that were saved from one."),
        tr("Choosing saved statistics drops the text, choosing a text drops the statistics.")};
    const auto add = [&lines](const QString& what, const std::string& path) {
        if (!path.empty()) lines << what.arg(QDir::toNativeSeparators(QString::fromStdString(path)));
    };
    add(tr("Text: %1"), m_model.calibrationPath);
    add(tr("Statistics: %1"), m_model.calibrationFile);
    add(tr("Finished layers are kept in %1"), m_places.resumeFolder);
    return lines.join(QLatin1Char('\n'));
}

void CalibrationButton::chooseText() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Calibration text"), {},
                                                      tr("Text (*.txt *.md *.raw);;All files (*)"));
    if (!path.isEmpty()) Q_EMIT textChosen(path);
}

void CalibrationButton::chooseStatistics() {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Saved calibration statistics"), {},
                                     tr("Statistics (*.safetensors *.gguf *.dat);;All files (*)"));
    if (!path.isEmpty()) Q_EMIT statisticsChosen(path);
}

void CalibrationButton::chooseTarget() {
    QString path = QFileDialog::getSaveFileName(
        this, tr("Save calibration statistics"), QStringLiteral("calibration.safetensors"),
        tr("Statistics (*.safetensors);;Importance matrix for llama.cpp (*.gguf)"));
    if (path.isEmpty()) return;
    if (QFileInfo(path).suffix().isEmpty()) path += QLatin1String(".safetensors");
    Q_EMIT saveRequested(path);
}

void CalibrationButton::chooseFolder() {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder for finished layers"));
    if (!folder.isEmpty()) Q_EMIT resumeFolderChosen(folder);
}

}  // namespace quantscope
