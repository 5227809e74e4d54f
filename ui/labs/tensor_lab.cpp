// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/tensor_lab.h"

#include <QEvent>
#include <QGridLayout>
#include <algorithm>

#include "labs/inputs_button.h"
#include "labs/row_page.h"
#include "labs/tensor_series.h"
#include "plots/four_panel_heatmap.h"
#include "plots/number_format.h"
#include "theme/card.h"
#include "theme/theme_controller.h"

namespace quantscope {

namespace {

// Heights of the rows at scale 1: a plot below these says nothing any more.
constexpr int kHistogramHeight = 130;
constexpr int kErrorHeight = 134;
constexpr int kMapHeight = 178;
constexpr int kHistogramWidth = 132;
constexpr int kSpacing = 10;

}  // namespace

TensorLab::TensorLab(ThemeController* themes, QWidget* parent)
    : LabWidget(themes, parent),
      m_histogramRow(new QWidget),
      m_histogramGrid(new QGridLayout(m_histogramRow)) {
    m_histogramGrid->setContentsMargins(0, 0, 0, 0);
    m_histogramGrid->setSpacing(kSpacing);
    m_histogramRow->installEventFilter(this);
    page()->addRow(m_histogramRow, kHistogramHeight, 5);
    connect(themes, &ThemeController::changed, this, &TensorLab::arrangeHistograms);
    buildErrorRow();
    buildChannelRow();
    m_inputs = new InputsButton;
    header()->addWidget(m_inputs);
    connect(m_inputs, &InputsButton::chosen, this, &TensorLab::inputsChosen);
    setTitle(tr("Tensor lab"), tr("choose a tensor on the left"));
}

void TensorLab::buildErrorRow() {
    m_split = new ErrorSplitView(themes());
    m_splitCard = addCard(tr("Error: clipping and rounding"), m_split, m_split->explanation());
    m_clip = new ClipCurveView(themes());
    m_clipCard = addCard(tr("Clip ratio"), m_clip, m_clip->explanation());
    connect(m_clip, &ClipCurveView::ratioChosen, this,
            [this](double ratio) { Q_EMIT clipRatioChosen(m_focus, ratio); });
    m_errorRow = addRow({{m_splitCard, 1}, {m_clipCard, 1}}, kErrorHeight, 5);
}

void TensorLab::buildChannelRow() {
    m_channels = new ChannelView(themes());
    m_channelCard = addCard(tr("Channels"), m_channels, m_channels->explanation());
    m_channelChoice = new HeaderChoice(tr("Which channels"));
    m_channelCard->addHeaderWidget(m_channelChoice);
    connect(m_channelChoice, &QComboBox::activated, this, &TensorLab::refreshChannels);
    connect(m_channels, &ChannelView::channelBrushed, this, &TensorLab::brush);
    m_heatmaps = new FourPanelHeatmap(themes());
    m_heatmapCard =
        addCard(tr("Matrix"), m_heatmaps, m_heatmaps->panel(FourPanelHeatmap::Error)->explanation());
    m_focusChoice = new HeaderChoice(tr("Variant of the maps and the clip curve"));
    m_panelChoice = new HeaderChoice(tr("Which maps"));
    m_panelChoice->setItems({tr("all four"), tr("original"), tr("codes"), tr("dequantized"), tr("error")});
    m_heatmapCard->addHeaderWidget(m_focusChoice);
    m_heatmapCard->addHeaderWidget(m_panelChoice);
    connect(m_panelChoice, &QComboBox::activated, this,
            [this](int index) { m_heatmaps->showOnly(index - 1); });
    connect(m_focusChoice, &QComboBox::activated, this, [this](int index) {
        m_focus = index;
        refreshFocus();
        Q_EMIT focusVariantChosen(index);
    });
    connect(m_heatmaps, &FourPanelHeatmap::regionRequested, this, [this](const CellRegion& region) {
        Q_EMIT regionRequested(MatrixRegion{region.rowBegin, region.rowEnd, region.colBegin, region.colEnd});
    });
    connect(m_heatmaps, &FourPanelHeatmap::elementHovered, this, [this](qint64 row, qint64 col) {
        const QString text = m_results ? elementSentence(*m_results, row, col) : QString();
        if (!text.isEmpty()) m_heatmaps->setSentence(text);
    });
    connect(m_heatmaps, &FourPanelHeatmap::elementClicked, this, [this](qint64, qint64 col) { brush(col); });
    addRow({{m_channelCard, 1}, {m_heatmapCard, 1}}, kMapHeight, 8);
}

void TensorLab::keep(const std::shared_ptr<const LabResults>& results) {
    m_results = std::dynamic_pointer_cast<const TensorResults>(results);
}

void TensorLab::refresh() {
    if (!m_results) return;
    const TensorResults& results = *m_results;
    QString title = QString::fromStdString(results.title);
    m_inputs->setState(results.request.part<TensorPart>(), results.request.model, results.capturable);
    QString details;
    if (results.stage) {
        const TensorReport& report = results.stage->report;
        title += QStringLiteral("  [%1 × %2]").arg(formatCount(report.rows), formatCount(report.cols));
        details = QString::fromStdString(summaryLine(report));
    }
    if (!results.storedAs.empty()) title += QStringLiteral("  ") + QString::fromStdString(results.storedAs);
    const QString sample = sampleText(results);
    setTitle(title, details + (sample.isEmpty() ? QString() : QStringLiteral(" · ") + sample));
    if (m_focus < 0 || m_focus >= static_cast<int>(results.variants.size()) || results.heatMaps)
        m_focus = results.heatmapVariant;
    const bool otherTensor = m_shownTitle != results.title;
    m_shownTitle = results.title;
    refreshHistograms();
    if (otherTensor && !m_histograms.empty()) m_histograms.front()->resetZoom();
    // A line a variant, beside title, legend and margins.
    const int lines = 17 * static_cast<int>(results.variants.size());
    page()->setRowMinimum(m_errorRow, std::max(kErrorHeight, lines + 66));
    m_split->setRows(errorSplitRows(results));
    m_splitCard->setSubtitle(sample.isEmpty() ? tr("mean squared error") : sample);
    refreshFocus();
    refreshChannels();
}

HistogramView* TensorLab::addHistogram() {
    auto* view = new HistogramView(themes());
    view->setLinkGroup(&m_link);
    const size_t index = m_histograms.size();
    m_histograms.push_back(view);
    Card* card = addCard({}, view, view->explanation());
    m_histogramCards.push_back(card);
    const auto variant = [this, index] { return static_cast<int>(m_histogramVariants[index]); };
    connect(view, &HistogramView::clipDragged, this,
            [this, variant](double low, double high) { Q_EMIT clipDragged(variant(), low, high); });
    connect(view, &HistogramView::clipDragFinished, this,
            [this, variant] { Q_EMIT clipDragFinished(variant()); });
    connect(view, &HistogramView::logCountChanged, this, [this](bool logCount) {
        for (HistogramView* other : m_histograms) other->setLogCount(logCount);
    });
    return view;
}

/// Every variant but the float reference, which lies in grey behind each; the reference alone when there is
/// no other.
void TensorLab::refreshHistograms() {
    const TensorResults& results = *m_results;
    std::vector<size_t> shown;
    for (size_t i = 0; i < results.variants.size(); ++i)
        if (!results.variants[i].variant.isFloat()) shown.push_back(i);
    if (shown.empty() && !results.variants.empty()) shown.push_back(0);
    m_histogramVariants = shown;
    while (m_histograms.size() < shown.size()) addHistogram();
    m_shownSeries.resize(m_histograms.size());
    double ceiling = 1;
    std::vector<HistogramSeries> series;
    for (const size_t variant : shown) {
        series.push_back(histogramSeries(results, variant));
        ceiling = std::max(ceiling, HistogramView::largestCount(series.back()));
    }
    for (size_t i = 0; i < shown.size(); ++i) {
        const TensorVariantResult& result = results.variants[shown[i]];
        Card* card = m_histogramCards[i];
        card->setTitle(variantLabel(results, shown[i]));
        if (result.error) {
            m_shownSeries[i] = {};
            card->setSubtitle({});
            card->showError(QString::fromStdString(result.error->message),
                            QString::fromStdString(result.error->fix));
            continue;
        }
        card->showContent();
        // A limit that holds for one group only cannot be dragged; short, because six cards share the width.
        card->setSubtitle(result.pending          ? tr("computing …")
                          : series[i].clipMovable ? tr("drag limits")
                                                  : QString());
        ShownHistogram now{{results.floatHistogram, result.report}, ceiling, shown[i]};
        if (now == m_shownSeries[i]) continue;
        m_shownSeries[i] = std::move(now);
        m_histograms[i]->setSeries(std::move(series[i]));
        m_histograms[i]->setCountCeiling(ceiling);
        m_histograms[i]->setExportName(QStringLiteral("histogram-") +
                                       variantLetter(static_cast<int>(shown[i])));
    }
    m_columns = m_shownHistograms == shown.size() ? m_columns : 0;
    m_shownHistograms = shown.size();
    arrangeHistograms();
}

/// Side by side as long as each keeps a readable width, else in several rows.
void TensorLab::arrangeHistograms() {
    const int count = static_cast<int>(m_shownHistograms);
    if (count == 0) return;
    const int narrowest = themes()->theme().px(kHistogramWidth) + kSpacing;
    const int fitting = std::max(1, (m_histogramRow->width() + kSpacing) / narrowest);
    const int rows = (count + fitting - 1) / fitting;
    const int columns = (count + rows - 1) / rows;
    page()->setRowMinimum(m_histogramRow, rows * kHistogramHeight);
    if (columns == m_columns) return;
    m_columns = columns;
    for (Card* card : m_histogramCards) m_histogramGrid->removeWidget(card);
    for (int i = 0; i < static_cast<int>(m_histogramCards.size()); ++i) {
        Card* card = m_histogramCards[static_cast<size_t>(i)];
        if (i < count) m_histogramGrid->addWidget(card, i / columns, i % columns);
        card->setVisible(i < count);
    }
    for (int column = 0; column < m_histogramGrid->columnCount(); ++column)
        m_histogramGrid->setColumnStretch(column, column < columns ? 1 : 0);
}

bool TensorLab::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_histogramRow && event->type() == QEvent::Resize) arrangeHistograms();
    return LabWidget::eventFilter(watched, event);
}

void TensorLab::refreshFocus() {
    const TensorResults& results = *m_results;
    QStringList names;
    for (size_t i = 0; i < results.variants.size(); ++i) names << variantLabel(results, i);
    m_focusChoice->setItems(names);
    m_focusChoice->choose(m_focus);
    const auto focus = static_cast<size_t>(std::max(0, m_focus));
    m_clipCard->setSubtitle(focus < results.variants.size()
                                ? tr("%1 · per tensor").arg(variantLabel(results, focus))
                                : QString());
    if (focus < results.variants.size() && results.variants[focus].error) {
        const Error& error = *results.variants[focus].error;
        for (Card* card : {m_clipCard, m_heatmapCard})
            card->showError(QString::fromStdString(error.message), QString::fromStdString(error.fix));
        return;
    }
    m_clipCard->showContent();
    m_heatmapCard->showContent();
    // A preview may be without a new curve and has no new maps: the old ones stay until the full result.
    const bool full = results.tier == Tier::Full;
    if (focus < results.variants.size() && (results.variants[focus].clipCurve || full))
        m_clip->setSeries(clipCurveSeries(results, focus));
    if ((!results.heatMaps && !full) || results.heatMaps == m_shownMaps) return;
    m_shownMaps = results.heatMaps;
    m_heatmaps->setSeries(heatmapSeries(m_results));
}

void TensorLab::refreshChannels() {
    if (!m_results) return;
    QStringList names{tr("input channels"), tr("output channels")};
    if (m_results->activations) names << tr("activations");
    const bool firstActivations = m_results->activations && m_channelChoice->count() < 3;
    m_channelChoice->setItems(names);
    if (firstActivations) m_channelChoice->choose(2);
    const auto choice = static_cast<ChannelChoice>(std::max(0, m_channelChoice->currentIndex()));
    const Parts parts{choice == ChannelChoice::Activations
                          ? std::shared_ptr<const void>(m_results->activations)
                      : choice == ChannelChoice::Input ? m_results->inputChannels
                                                       : m_results->outputChannels};
    if (parts == m_shownChannels && parts.front()) return;
    m_shownChannels = parts;
    ChannelSeries series = channelSeries(*m_results, choice);
    const auto outliers = std::count_if(series.absMax.begin(), series.absMax.end(), [&series](double value) {
        return series.threshold > 0 && value >= series.threshold;
    });
    m_channelCard->setSubtitle(
        tr("%1 channels · %2 outliers").arg(formatCount(series.channels), formatCount(outliers)));
    m_channels->setSeries(std::move(series));
    m_channels->setMarked(choice == ChannelChoice::Output ? -1 : m_brushed);
}

void TensorLab::brush(qint64 channel) {
    if (static_cast<ChannelChoice>(m_channelChoice->currentIndex()) == ChannelChoice::Output &&
        sender() == m_channels) {
        m_heatmaps->setMarked(channel, -1);
        return;
    }
    m_brushed = channel;
    m_channels->setMarked(channel);
    m_heatmaps->setMarked(-1, channel);
    Q_EMIT inputChannelBrushed(channel);
}

}  // namespace quantscope
