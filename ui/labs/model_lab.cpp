// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/model_lab.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QPushButton>
#include <algorithm>
#include <array>

#include "app/experiment/model_part.h"
#include "labs/calibration_button.h"
#include "labs/insides_panel.h"
#include "labs/layer_panel.h"
#include "labs/model_series.h"
#include "labs/protocol_panel.h"
#include "plots/number_format.h"
#include "theme/card.h"

namespace quantscope {

namespace {

constexpr std::array kChunkChoices{2, 4, 8, 16, 64, 0};  // 0 = the whole text

}  // namespace

ModelLab::ModelLab(ThemeController* themes, QWidget* parent) : LabWidget(themes, parent) {
    buildHeader();
    buildScoreRow();
    buildLayerRow();
    buildTextRow();
    setTitle(tr("Model lab"), tr("choose a model on the left"));
}

void ModelLab::buildHeader() {
    m_textButton = new QPushButton(tr("Text…"));
    m_textButton->setToolTip(tr("The text that is scored: any plain text file"));
    m_calibration = new CalibrationButton;
    m_chunks = new HeaderChoice(tr("How much of the text is scored"));
    setChunkChoices({kChunkChoices.begin(), kChunkChoices.end()});
    m_run = new QPushButton(tr("Evaluate"));
    for (QWidget* widget : {static_cast<QWidget*>(m_calibration), static_cast<QWidget*>(m_textButton),
                            static_cast<QWidget*>(m_chunks), static_cast<QWidget*>(m_run)})
        header()->addWidget(widget);
    connect(m_textButton, &QPushButton::clicked, this, &ModelLab::chooseText);
    connect(m_calibration, &CalibrationButton::textChosen, this, &ModelLab::calibrationChosen);
    connect(m_calibration, &CalibrationButton::statisticsChosen, this, &ModelLab::calibrationFileChosen);
    connect(m_calibration, &CalibrationButton::saveRequested, this, &ModelLab::saveCalibrationRequested);
    connect(m_calibration, &CalibrationButton::resumeFolderChosen, this, &ModelLab::resumeFolderChosen);
    connect(m_chunks, &QComboBox::activated, this,
            [this](int index) { Q_EMIT chunksChosen(m_chunks->itemData(index).toInt()); });
    connect(m_run, &QPushButton::clicked, this, [this] {
        if (m_busy)
            Q_EMIT cancelRequested();
        else
            Q_EMIT evaluateRequested();
    });
}

void ModelLab::buildScoreRow() {
    m_perplexity = new PerplexityView(themes());
    m_perplexityCard = addCard(tr("Perplexity"), m_perplexity, m_perplexity->explanation());
    m_perplexityCard->setSubtitle(tr("paired with A · whiskers ±1 standard error"));
    m_kl = new KlView(themes());
    m_klCard = addCard(tr("KL divergence to A, per token"), m_kl, m_kl->explanation());
    m_klCard->setSubtitle(tr("percentiles 50, 90, 99, 99.9"));
    addRow({{buildComparison(), 5}, {m_perplexityCard, 4}, {m_klCard, 4}}, 140, 5);
}

Card* ModelLab::buildComparison() {
    m_comparison = new ComparisonView(themes());
    m_comparisonCard = addCard(tr("Loss against size"), m_comparison, m_comparison->explanation());
    m_comparedBy = new HeaderChoice(tr("What the variants are compared by"));
    m_comparedBy->setItems({tr("perplexity"), tr("mean KL")});
    m_comparisonCard->addHeaderWidget(m_comparedBy);
    connect(m_comparedBy, &QComboBox::activated, this, &ModelLab::refreshComparison);
    connect(m_comparison, &ComparisonView::variantSelected, this, &ModelLab::variantSelected);
    return m_comparisonCard;
}

void ModelLab::refreshComparison() {
    if (!m_results) return;
    const bool kl = m_comparedBy->currentIndex() == 1;
    m_comparison->setSeries(comparisonSeries(*m_results, kl ? ComparedBy::MeanKl : ComparedBy::Perplexity));
    m_comparison->setSelected(m_results->layerVariant);
    const EvaluationResult& evaluation = m_results->evaluation;
    m_comparisonCard->setSubtitle(
        evaluation.complete || evaluation.variants.empty()
            ? tr("steps: the best at each size")
            : tr("%1 of %2 windows").arg(evaluation.chunksDone).arg(evaluation.chunksTotal));
}

void ModelLab::buildLayerRow() {
    m_layers = new LayerPanel(themes());
    m_layerCard = addCard(tr("Layers"), m_layers, m_layers->chart()->explanation());
    m_layerVariant = new HeaderChoice(tr("Variant of the layer errors"));
    m_layerFilter = new QLineEdit;
    m_layerFilter->setPlaceholderText(tr("down >10%"));
    m_layerFilter->setClearButtonEnabled(true);
    m_layerFilter->setToolTip(tr("Part of a name; a limit like >10% marks the layers above it"));
    m_layerFilter->setMaximumWidth(150);
    auto* form = new HeaderChoice(tr("Chart, or a table that sorts by its columns"));
    form->setItems({tr("chart"), tr("table")});
    for (QWidget* widget : {static_cast<QWidget*>(m_layerFilter), static_cast<QWidget*>(m_layerVariant),
                            static_cast<QWidget*>(form)})
        m_layerCard->addHeaderWidget(widget);
    connect(m_layerFilter, &QLineEdit::textChanged, m_layers, &LayerPanel::setFilterText);
    connect(form, &QComboBox::activated, this, [this](int index) { m_layers->showTable(index == 1); });
    connect(m_layers, &LayerPanel::summaryChanged, m_layerCard, &Card::setSubtitle);
    connect(m_layerVariant, &QComboBox::activated, this, &ModelLab::layerVariantChosen);
    connect(m_layers, &LayerPanel::layerSelected, this, &ModelLab::layerSelected);
    m_activations = new HeatmapView(themes());
    m_activations->setExportName(QStringLiteral("activations"));
    m_activationCard =
        addCard(tr("Activations: token × channel"), m_activations,
                tr("<p>log10 |x| of the inputs of one linear layer, a row a token, a column a channel. "
                   "Bright columns are outlier channels: they keep their place from token to token.</p>"));
    addRow({{m_layerCard, 4}, {m_activationCard, 2}, {buildInsides(), 3}}, 140, 5);
}

Card* ModelLab::buildInsides() {
    m_insides = new InsidesPanel(themes());
    m_insidesCard = addCard(tr("Insides"), m_insides, InsidesPanel::explanation());
    m_insidesChoice = new HeaderChoice(tr("Which of the method's pictures is shown"));
    m_insidesChoice->setItems({tr("maxima"), tr("loss")});
    m_insidesCard->addHeaderWidget(m_insidesChoice);
    connect(m_insidesChoice, &QComboBox::activated, this,
            [this](int index) { m_insides->preferLoss(index == 1); });
    m_insidesCard->hide();
    return m_insidesCard;
}

void ModelLab::buildTextRow() {
    m_text = new TokenTextView(themes());
    m_textCard = addCard(
        tr("Text"), m_text,
        tr("<p>The scored text. Orange: the token became less likely than under the reference "
           "(full colour at 2 nats, 7 times less likely); blue: more likely. Or by the KL divergence of the "
           "whole next-token distribution. Click a token for its numbers.</p>"));
    m_textVariant = new HeaderChoice(tr("Variant that colours the text"));
    m_textMeasure = new HeaderChoice(tr("What the colour means"));
    m_textMeasure->setItems({tr("Δ likelihood"), tr("KL divergence")});
    m_textCard->addHeaderWidget(m_textVariant);
    m_textCard->addHeaderWidget(m_textMeasure);
    connect(m_textVariant, &QComboBox::activated, this, &ModelLab::refreshText);
    connect(m_textMeasure, &QComboBox::activated, this, [this](int index) {
        m_text->setMeasure(index == 1 ? TokenTextView::Measure::Kl : TokenTextView::Measure::DeltaNll);
    });
    const auto showDetail = [this](int index) {
        m_textCard->setSubtitle(index >= 0 ? m_text->detail(index) : m_text->detail(m_text->selected()));
    };
    connect(m_text, &TokenTextView::tokenHovered, this, showDetail);
    connect(m_text, &TokenTextView::tokenSelected, this, showDetail);
    addRow({{buildProtocol(), 2}, {m_textCard, 5}}, 106, 3);
}

Card* ModelLab::buildProtocol() {
    m_protocol = new ProtocolPanel;
    connect(m_protocol, &ProtocolPanel::protocolChosen, this, &ModelLab::protocolChosen);
    return addCard(
        tr("Protocol"), m_protocol,
        tr("<p>Perplexities compare only under one protocol: how the text is cut into windows, which of "
           "their "
           "tokens are scored, and with how much context. llama.cpp scores the second half of each window, "
           "the GPTQ paper all of it, a sliding window scores each token once with as much context as fits. "
           "Longer windows give more context: every number falls.</p>"));
}

void ModelLab::chooseText() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Text to score"), {},
                                                      tr("Text (*.txt *.md *.raw);;All files (*)"));
    if (!path.isEmpty()) Q_EMIT textChosen(path);
}

void ModelLab::setChunkChoices(const std::vector<int>& choices) {
    m_chunks->clear();
    for (const int count : choices) {
        const QString text = count == 0   ? tr("whole text")
                             : count == 1 ? tr("1 window")
                                          : tr("%1 windows").arg(count);
        m_chunks->addItem(text, count);
    }
}

void ModelLab::setRequest(const LabRequest& request) {
    const Experiment& experiment = request.experiment;
    const QString path = QString::fromStdString(experiment.model.textPath);
    m_textButton->setText(path.isEmpty() ? tr("Text…") : QFileInfo(path).fileName());
    m_calibration->setRequest(request);
    m_protocol->setRequest(request);
    const int chunks = experiment.part<ModelPart>().evaluation.maxChunks;
    if (m_chunks->findData(chunks) < 0) {
        // A session or the command line may ask for any number: it joins the list.
        std::vector<int> choices(kChunkChoices.begin(), kChunkChoices.end());
        choices.insert(std::find_if(choices.begin(), choices.end(),
                                    [chunks](int choice) { return choice == 0 || choice > chunks; }),
                       chunks);
        setChunkChoices(choices);
    }
    m_chunks->setCurrentIndex(m_chunks->findData(chunks));
    m_layers->setSelected(QString::fromStdString(request.views.get<ModelView>().layer));
}

void ModelLab::setWork(const WorkState& work) {
    LabWidget::setWork(work);
    m_busy = work.busy;
    m_run->setText(m_busy ? tr("Cancel") : tr("Evaluate"));
    m_timeLeft =
        m_busy && work.secondsLeft > 0 ? tr("%1 left").arg(formatDuration(work.secondsLeft)) : QString();
    updateHeader();
}

void ModelLab::keep(const std::shared_ptr<const LabResults>& results) {
    m_results = std::dynamic_pointer_cast<const ModelResults>(results);
}

void ModelLab::updateHeader() {
    if (!m_results && m_busy) setTitle(tr("Model lab"), tr("the first window is on its way"));
    if (!m_results) return;
    QString title = QString::fromStdString(m_results->title);
    QString details = protocolText(*m_results);
    if (!m_timeLeft.isEmpty()) details += QStringLiteral(" · ") + m_timeLeft;
    setTitle(title, details);
}

void ModelLab::refresh() {
    if (!m_results) return;
    updateHeader();
    m_perplexity->setSeries(perplexitySeries(*m_results));
    m_kl->setRows(klRows(*m_results), m_results->evaluation.complete);
    refreshComparison();
    refreshLayers();
    refreshInsides();
    refreshText();
}

void ModelLab::refreshLayers() {
    QStringList names;
    for (size_t i = 0; i < m_results->request.variants.size(); ++i) names << variantLabel(*m_results, i);
    m_layerVariant->setItems(names);
    m_layerVariant->choose(m_results->layerVariant);
    if (m_results->layersError) {
        m_layerCard->showError(QString::fromStdString(m_results->layersError->message),
                               QString::fromStdString(m_results->layersError->fix));
    } else {
        m_layerCard->showContent();
        m_layers->setResults(m_results);
    }
    m_activations->setSeries(activationSeries(m_results));
    const QString layer = QString::fromStdString(m_results->activationLayer);
    m_activationCard->setSubtitle(layer.isEmpty() ? QString() : tr("log10 |x| · input of %1").arg(layer));
}

void ModelLab::refreshInsides() {
    m_insidesCard->setVisible(m_results->insides != nullptr);
    if (!m_results->insides) return;
    m_insidesCard->setTitle(tr("Inside %1").arg(QString::fromStdString(m_results->insidesMethod)));
    m_insidesCard->setSubtitle(QString::fromStdString(m_results->activationLayer));
    m_insides->setInsides(*m_results->insides, m_results->layerVariant);
    m_insidesChoice->setVisible(m_insides->hasBoth());
}

void ModelLab::refreshText() {
    if (!m_results) return;
    const bool first = m_textVariant->count() == 0;
    QStringList names;
    for (size_t i = 0; i < m_results->request.variants.size(); ++i) names << variantLabel(*m_results, i);
    m_textVariant->setItems(names);
    // The coarsest variant is usually the last one; the reference against itself shows nothing.
    if (first && !names.isEmpty()) m_textVariant->choose(static_cast<int>(names.size()) - 1);
    m_text->setTokens(
        textTokens(*m_results, static_cast<size_t>(std::max(0, m_textVariant->currentIndex()))));
}

}  // namespace quantscope
