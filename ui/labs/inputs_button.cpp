// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/inputs_button.h"

#include <QAction>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>

namespace quantscope {
namespace {

constexpr const char* kNormal = "normal/rows=512";
constexpr const char* kOutliers = "outliers/rows=512";

struct NameOf {
    QString operator()(const TensorSource& source) const {
        return QFileInfo(QString::fromStdString(source.path)).fileName();
    }
    QString operator()(const SyntheticSource& source) const {
        if (source.spec == kNormal) return InputsButton::tr("normal");
        if (source.spec == kOutliers) return InputsButton::tr("outlier channels");
        return QString::fromStdString(source.spec);
    }
    QString operator()(const ActivationSource& source) const {
        return InputsButton::tr("of %1").arg(QString::fromStdString(source.layer));
    }
};

QString textOf(const TensorPart& part, const ModelSource& model) {
    if (part.inputs) return InputsButton::tr("inputs: %1").arg(std::visit(NameOf{}, *part.inputs));
    const auto* tensor = std::get_if<TensorSource>(&part.matrix);
    const bool calibrated = !model.calibrationPath.empty() || !model.calibrationFile.empty();
    if (tensor != nullptr && tensor->path == model.modelPath && calibrated)
        return InputsButton::tr("inputs: calibration");
    return InputsButton::tr("choose inputs");
}

}  // namespace

InputsButton::InputsButton(QWidget* parent) : QPushButton(parent), m_captured(nullptr), m_ofModel(nullptr) {
    auto* menu = new QMenu(this);
    menu->setToolTipsVisible(true);
    m_ofModel = menu->addAction(tr("The model's calibration"), this, [this] { Q_EMIT chosen({}); });
    m_ofModel->setToolTip(
        tr("What the calibration text leaves at this layer, when the tensor is one of the "
           "model's; nothing for other matrices"));
    menu->addSeparator();
    const auto synthetic = [this, menu](const QString& text, const char* spec, const QString& tip) {
        QAction* action =
            menu->addAction(text, this, [this, spec] { Q_EMIT chosen({SyntheticSource{spec}}); });
        action->setToolTip(tip);
    };
    synthetic(tr("Normal"), kNormal, tr("512 tokens drawn from N(0, 1)"));
    synthetic(tr("Normal with outlier channels"), kOutliers,
              tr("512 tokens drawn from N(0, 1); six input channels are twenty times as large"));
    m_captured = menu->addMenu(tr("Captured from a layer"));
    menu->addAction(tr("From a file…"), this, &InputsButton::chooseFile)
        ->setToolTip(tr("A matrix [tokens x input channels]: npy, csv"));
    setMenu(menu);
    setToolTip(
        tr("Methods such as GPTQ and AWQ must know what a layer reads. The output error is measured on "
           "these inputs, too."));
    setState({}, {}, {});
}

void InputsButton::setState(const TensorPart& part, const ModelSource& model,
                            const std::vector<std::string>& capturable) {
    setText(textOf(part, model) + QStringLiteral(" ▾"));
    if (model == m_model && capturable == m_layers && !m_captured->isEmpty()) return;
    m_model = model;
    m_layers = capturable;
    m_captured->clear();
    for (const std::string& layer : m_layers)
        m_captured->addAction(QString::fromStdString(layer), this, [this, layer] {
            Q_EMIT chosen({ActivationSource{m_model.modelPath, m_model.textPath, layer}});
        });
    m_captured->setEnabled(!m_layers.empty());
}

void InputsButton::chooseFile() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Inputs, tokens by channels"), {},
                                                      tr("Matrices (*.npy *.csv);;All files (*)"));
    if (!path.isEmpty()) Q_EMIT chosen({TensorSource{path.toStdString(), {}}});
}

}  // namespace quantscope
