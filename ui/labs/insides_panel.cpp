// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/insides_panel.h"

#include <QVBoxLayout>

#include "plots/before_after_view.h"
#include "plots/loss_curve_view.h"

namespace quantscope {
namespace {

void draw(BeforeAfterView* view, const std::optional<ChannelMaxima>& maxima, const QString& what,
          int variant) {
    if (!maxima) return;
    view->setSeries({what, QString::fromStdString(maxima->before), QString::fromStdString(maxima->after),
                     maxima->beforeValues, maxima->afterValues, maxima->spreadBefore, maxima->spreadAfter,
                     variant});
}

}  // namespace

InsidesPanel::InsidesPanel(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_inputs(new BeforeAfterView(themes)),
      m_weights(new BeforeAfterView(themes)),
      m_loss(new LossCurveView(themes)) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(2);
    m_inputs->setExportName(QStringLiteral("inputs-before-after"));
    m_weights->setExportName(QStringLiteral("weights-before-after"));
    m_inputs->showChannelNumbers(false);
    for (PlotView* view : {static_cast<PlotView*>(m_inputs), static_cast<PlotView*>(m_weights),
                           static_cast<PlotView*>(m_loss)}) {
        view->setExplanation(explanation());
        view->hide();
        column->addWidget(view, 1);
    }
}

void InsidesPanel::setInsides(const LayerInsides& insides, int variant) {
    m_hasMaxima = insides.inputs && insides.weights;
    m_hasLoss = insides.loss.has_value();
    draw(m_inputs, insides.inputs, tr("inputs"), variant);
    draw(m_weights, insides.weights, tr("weights"), variant);
    if (insides.loss) {
        const LossCurve& loss = *insides.loss;
        m_loss->setSeries({QString::fromStdString(loss.parameter), QString::fromStdString(loss.formula),
                           tr("alpha 0"), loss.x, loss.loss, loss.chosen, loss.reference, loss.gain,
                           variant});
    }
    showChosen();
}

void InsidesPanel::preferLoss(bool loss) {
    m_prefersLoss = loss;
    showChosen();
}

void InsidesPanel::showChosen() {
    const bool loss = m_hasLoss && (m_prefersLoss || !m_hasMaxima);
    m_loss->setVisible(loss);
    m_inputs->setVisible(m_hasMaxima && !loss);
    m_weights->setVisible(m_hasMaxima && !loss);
}

QString InsidesPanel::explanation() {
    return tr(
        "<p>What the variant's method did on the chosen layer; click a layer in the chart to choose "
        "another.</p>"
        "<p><b>SmoothQuant</b>: largest magnitude of each input channel j, of the inputs over the "
        "calibration "
        "text and of the weights of all layers that read them. Grey: before. Coloured: after the inputs were "
        "divided by s_j and the weights multiplied. A few large channels cost the others their levels: the "
        "closer the largest is to the median, the less is lost.</p>"
        "<p><b>AWQ</b>: loss ||Q(W s) x / s - W x||² of each candidate s_j = mean |x_j|^alpha over the "
        "calibration text. alpha = 0 scales nothing: it is rounding to nearest. The ring is the least loss, "
        "which the method takes.</p>");
}

}  // namespace quantscope
