// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/export_dialog.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <algorithm>

#include "theme/elided_combo_box.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

/// "/models/tiny-llama" of a folder or of its file.
QString stemOf(const std::string& path) {
    const QFileInfo info(QString::fromStdString(path));
    return info.isDir() ? info.fileName() : info.completeBaseName();
}

/// Letters, digits, dots and dashes of a title: "int4-affine-g64".
QString fileName(const QString& title) {
    static const QRegularExpression others(QStringLiteral("[^A-Za-z0-9.]+"));
    return QString(title).replace(others, QStringLiteral("-"));
}

/// Saved statistics or an importance matrix; anything else is a text.
bool isStatistics(const QString& path) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    return suffix == QLatin1String("safetensors") || suffix == QLatin1String("gguf") ||
           suffix == QLatin1String("dat");
}

}  // namespace

ExportDialog::ExportDialog(ThemeController* themes, const Experiment& experiment, int variant,
                           QWidget* parent)
    : QDialog(parent),
      m_themes(themes),
      m_experiment(experiment),
      m_choices(exportChoices()),
      m_variant(new ElidedComboBox),
      m_layout(new ElidedComboBox),
      m_about(new QLabel),
      m_target(new QLineEdit),
      m_calibrationRow(new QWidget),
      m_calibrationLabel(new QLabel(tr("Calibration"))),
      m_calibration(new QLineEdit(QString::fromStdString(experiment.model.calibrationFile.empty()
                                                             ? experiment.model.calibrationPath
                                                             : experiment.model.calibrationFile))),
      m_export(new QPushButton(tr("Export"))) {
    setWindowTitle(tr("Export %1").arg(stemOf(experiment.model.modelPath)));
    setMinimumWidth(themes->theme().px(560));
    for (size_t i = 0; i < experiment.variants.size(); ++i) {
        if (experiment.variants[i].isFloat()) continue;
        m_variant->addItem(variantLetter(static_cast<int>(i)) + QStringLiteral("  ") +
                               QString::fromStdString(variantTitle(experiment.variants[i])),
                           static_cast<int>(i));
    }
    for (const ExportChoice& choice : m_choices)
        m_layout->addItem(QString::fromStdString(choice.label), QString::fromStdString(choice.name));
    buildFields();
    chooseVariant(variant);
    showChoice();
}

void ExportDialog::addField(QGridLayout* grid, const QString& label, QWidget* field, QWidget* button) {
    const int row = grid->rowCount();
    auto* name = new QLabel(label);
    name->setBuddy(field);
    grid->addWidget(name, row, 0);
    grid->addWidget(field, row, 1, 1, button ? 1 : 2);
    if (button) grid->addWidget(button, row, 2);
}

void ExportDialog::buildFields() {
    const Theme& theme = m_themes->theme();
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(theme.px(18), theme.px(14), theme.px(18), theme.px(14));
    grid->setHorizontalSpacing(theme.px(12));
    grid->setVerticalSpacing(theme.px(8));
    grid->setColumnStretch(1, 1);
    addField(grid, tr("Variant"), m_variant);
    addField(grid, tr("Layout"), m_layout);
    m_about->setWordWrap(true);
    m_about->setTextFormat(Qt::RichText);
    grid->addWidget(m_about, grid->rowCount(), 1, 1, 2);
    auto* browse = new QPushButton(tr("Choose…"));
    m_target->setAccessibleName(tr("Target"));
    addField(grid, tr("Target"), m_target, browse);
    auto* browseText = new QPushButton(tr("Choose…"));
    auto* calibration = new QHBoxLayout(m_calibrationRow);
    calibration->setContentsMargins(0, 0, 0, 0);
    calibration->addWidget(m_calibration, 1);
    calibration->addWidget(browseText);
    m_calibration->setToolTip(
        tr("Plain text whose inputs the method adapts the weights to, or statistics that were saved from one "
           "(*.safetensors, *.gguf, *.dat)"));
    const int row = grid->rowCount();
    grid->addWidget(m_calibrationLabel, row, 0);
    grid->addWidget(m_calibrationRow, row, 1, 1, 2);
    auto* buttons = new QHBoxLayout;
    auto* cancel = new QPushButton(tr("Close"));
    buttons->addStretch();
    buttons->addWidget(cancel);
    buttons->addWidget(m_export);
    m_export->setDefault(true);
    buttons->setSpacing(theme.px(8));
    grid->setRowStretch(grid->rowCount(), 1);
    grid->setRowMinimumHeight(grid->rowCount() - 1, theme.px(6));
    grid->addLayout(buttons, grid->rowCount(), 0, 1, 3);
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    connect(m_export, &QPushButton::clicked, this, &QDialog::accept);
    connect(browse, &QPushButton::clicked, this, &ExportDialog::browseTarget);
    connect(browseText, &QPushButton::clicked, this, &ExportDialog::browseCalibration);
    connect(m_variant, &QComboBox::currentIndexChanged, this, &ExportDialog::showChoice);
    connect(m_layout, &QComboBox::currentIndexChanged, this, &ExportDialog::showChoice);
    connect(m_target, &QLineEdit::textEdited, this, [this] { m_targetEdited = true; });
    connect(m_target, &QLineEdit::textChanged, this, &ExportDialog::updateExport);
    connect(m_calibration, &QLineEdit::textChanged, this, &ExportDialog::updateExport);
}

const ExportChoice& ExportDialog::layoutChoice() const {
    return m_choices[static_cast<size_t>(std::max(0, m_layout->currentIndex()))];
}

const Variant& ExportDialog::variant() const {
    return m_experiment.variants[static_cast<size_t>(m_variant->currentData().toInt())];
}

void ExportDialog::chooseVariant(int variant) {
    const int index = m_variant->findData(variant);
    if (index >= 0) m_variant->setCurrentIndex(index);
}

void ExportDialog::chooseLayout(const QString& name) {
    const int index = m_layout->findData(name);
    if (index >= 0) m_layout->setCurrentIndex(index);
}

void ExportDialog::setTarget(const QString& path) {
    m_targetEdited = true;
    m_target->setText(path);
}

QString ExportDialog::target() const {
    return m_target->text().trimmed();
}

QString ExportDialog::suggestedTarget() const {
    const ExportChoice& layout = layoutChoice();
    const QString name = QStringLiteral("%1-%2-%3")
                             .arg(stemOf(m_experiment.model.modelPath),
                                  fileName(QString::fromStdString(variantTitle(variant()))),
                                  QString::fromStdString(layout.name));
    return QDir::home().filePath(layout.isFile ? name + QStringLiteral(".gguf") : name);
}

/// What the chosen layout is, where it would be written, and whether the method asks for a text.
void ExportDialog::showChoice() {
    const ExportChoice& layout = layoutChoice();
    const auto line = [](const QString& what, const std::string& text) {
        return text.empty() ? QString()
                            : QStringLiteral("<p style='margin:2px 0'>%1 %2</p>")
                                  .arg(what, QString::fromStdString(text).toHtmlEscaped());
    };
    m_about->setText(line(tr("<b>Holds</b>"), layout.holds) + line(tr("<b>Limits</b>"), layout.limits) +
                     line(tr("<b>Read by</b>"), layout.reader));
    if (!m_targetEdited) m_target->setText(suggestedTarget());
    const bool calibrates = needsCalibration(variant());
    m_calibrationLabel->setVisible(calibrates);
    m_calibrationRow->setVisible(calibrates);
    updateExport();
}

void ExportDialog::updateExport() {
    const bool hasText = !needsCalibration(variant()) || !m_calibration->text().trimmed().isEmpty();
    m_export->setEnabled(!target().isEmpty() && hasText);
    m_export->setToolTip(target().isEmpty() ? tr("Name a target")
                         : hasText          ? QString()
                                   : tr("This method needs a calibration text, or saved statistics"));
}

void ExportDialog::browseTarget() {
    const QString filter = layoutChoice().isFile ? tr("GGUF (*.gguf)") : QString();
    const QString path = QFileDialog::getSaveFileName(
        this, layoutChoice().isFile ? tr("File to write") : tr("New folder to write"), target(), filter);
    if (!path.isEmpty()) setTarget(path);
}

void ExportDialog::browseCalibration() {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Calibration text or saved statistics"), m_calibration->text(),
                                     tr("Text (*.txt *.md *.raw);;Statistics (*.safetensors *.gguf *.dat);;"
                                        "All files (*)"));
    if (!path.isEmpty()) m_calibration->setText(path);
}

LanguageModelExport ExportDialog::request() const {
    LanguageModelExport request;
    request.source = m_experiment.model.modelPath;
    request.variant = variant();
    request.layout = layoutChoice().name;
    request.target = target().toStdString();
    if (needsCalibration(variant())) {
        const QString path = m_calibration->text().trimmed();
        (isStatistics(path) ? request.calibrationFile : request.calibrationPath) = path.toStdString();
    }
    request.calibrationChunks = m_experiment.model.calibrationChunks;
    return request;
}

}  // namespace quantscope
