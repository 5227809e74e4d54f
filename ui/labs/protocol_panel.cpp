// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/protocol_panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>

#include "app/experiment/model_part.h"
#include "app/experiment/protocol_text.h"
#include "labs/lab_widget.h"

namespace quantscope {
namespace {

/// Offers `usual` and, in its place among them, what a session or the command line may ask for beside them.
void offer(HeaderChoice* choice, std::vector<int> usual, int current, const QString& text) {
    if (!std::binary_search(usual.begin(), usual.end(), current))
        usual.insert(std::upper_bound(usual.begin(), usual.end(), current), current);
    QStringList items;
    for (const int value : usual) items << text.arg(value);
    choice->setItems(items);
    for (int i = 0; i < choice->count(); ++i) choice->setItemData(i, usual[static_cast<size_t>(i)]);
    choice->choose(choice->findData(current));
}

}  // namespace

ProtocolPanel::ProtocolPanel(QWidget* parent)
    : QWidget(parent),
      m_sentence(new QLabel),
      m_rule(new HeaderChoice(tr("How the text is cut into windows and which tokens are scored"))),
      m_window(new HeaderChoice(tr("Tokens a window"))),
      m_stride(new HeaderChoice(tr("Tokens from one window's start to the next one's"))) {
    m_sentence->setWordWrap(true);
    m_sentence->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_rule->setItems({tr("llama.cpp's rule"), tr("GPTQ paper"), tr("sliding")});
    auto* choices = new QHBoxLayout;
    for (HeaderChoice* choice : {m_rule, m_window, m_stride}) choices->addWidget(choice);
    choices->addStretch(1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_sentence, 1);
    layout->addLayout(choices);
    connect(m_rule, &QComboBox::activated, this, [this](int index) {
        choose(&EvaluationProtocol::rule, static_cast<WindowRule>(index), tr("evaluation rule"));
    });
    connect(m_window, &QComboBox::activated, this, [this](int index) {
        choose(&EvaluationProtocol::window, m_window->itemData(index).toInt(), tr("window length"));
    });
    connect(m_stride, &QComboBox::activated, this, [this](int index) {
        choose(&EvaluationProtocol::stride, m_stride->itemData(index).toInt(), tr("stride"));
    });
    setRequest({});
}

template <class T>
void ProtocolPanel::choose(T EvaluationProtocol::*member, T value, const QString& what) {
    EvaluationProtocol chosen = m_protocol;
    chosen.*member = value;
    // A step beyond the window would leave tokens out.
    chosen.stride = std::min(chosen.stride, chosen.window);
    Q_EMIT protocolChosen(chosen, what);
}

void ProtocolPanel::setRequest(const LabRequest& request) {
    const Experiment& experiment = request.experiment;
    m_protocol = experiment.part<ModelPart>().evaluation;
    m_sentence->setText(QString::fromStdString(
        protocolSentence(m_protocol, experiment.model.textPath, experiment.variants.size())));
    m_rule->choose(static_cast<int>(m_protocol.rule));
    offer(m_window, {128, 256, 512, 1024, 2048}, m_protocol.window, tr("windows of %1"));
    std::vector<int> strides;
    for (const int parts : {16, 8, 4, 2, 1})
        if (m_protocol.window / parts >= 1) strides.push_back(m_protocol.window / parts);
    strides.erase(std::unique(strides.begin(), strides.end()), strides.end());
    offer(m_stride, strides, m_protocol.stride, tr("steps of %1"));
    m_stride->setVisible(m_protocol.rule == WindowRule::Sliding);
}

QString ProtocolPanel::sentence() const {
    return m_sentence->text();
}

}  // namespace quantscope
