// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/layer_error_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

/// "blk.12.ffn_down" -> "12"; names without a block number as they are.
QString blockOf(const QString& layer) {
    const QStringList parts = layer.split(QLatin1Char('.'));
    return parts.size() > 2 ? parts[1] : layer;
}

}  // namespace

LayerErrorView::LayerErrorView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("layers"));
    setCrosshairEnabled(false);
    setTickCount(5, 4);
    setAxisLabels(tr("block"), tr("relative error, %"));
    setHome({-0.5, 0.5}, {0, 1});
    setExplanation(
        tr("<p>Relative error ||Y - Ŷ|| / ||Y|| of the output of every linear layer. Bars: the error this "
           "layer makes by "
           "itself, given the float model's inputs (local). Line: the error at this layer when everything "
           "before it is "
           "quantized as well (accumulated). A tall bar points at a layer to treat better; a jump of the "
           "line at the "
           "layer whose damage the rest of the model inherits. Click a layer to see its activations.</p>"));
}

void LayerErrorView::setSeries(LayerErrorSeries series) {
    m_series = std::move(series);
    m_hovered = -1;
    double largest = 0;
    for (const LayerErrorBar& layer : m_series.layers)
        for (const double value : {layer.local, layer.accumulated})
            if (std::isfinite(value)) largest = std::max(largest, value);
    const auto count = static_cast<double>(std::max<size_t>(1, m_series.layers.size()));
    setHome({-0.5, count - 0.5}, {0, largest > 0 ? largest * 115 : 1});
    setMinimumSpan(6, 0);
    setBlockTicks();
    requestReplot();
}

/// A tick where a block begins, thinned to at most a dozen.
void LayerErrorView::setBlockTicks() {
    QVector<double> positions;
    QVector<QString> names;
    QString previous;
    setAxisLabels(m_series.sorted ? tr("layers, in the table's order") : tr("block"),
                  tr("relative error, %"));
    for (size_t i = 0; i < m_series.layers.size() && !m_series.sorted; ++i) {
        const QString block = blockOf(m_series.layers[i].name);
        if (block == previous) continue;
        previous = block;
        positions.append(static_cast<double>(i) - 0.5);
        names.append(block);
    }
    const qsizetype steps[] = {1, 2, 5, 10, 20, 50, 100};
    const qsizetype* every = std::find_if(std::begin(steps), std::end(steps) - 1,
                                          [&](qsizetype step) { return positions.size() / step <= 12; });
    QVector<double> shownPositions;
    QVector<QString> shownNames;
    for (qsizetype i = 0; i < positions.size(); i += *every) {
        shownPositions.append(positions[i]);
        shownNames.append(names[i]);
    }
    setTextTicks(Qt::Horizontal, shownPositions, shownNames);
}

void LayerErrorView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.layers.empty())
        return drawSentence(painter, theme(), area,
                            tr("Layer errors appear when the model has run over the text."));
    std::vector<double> heights;
    for (const LayerErrorBar& layer : m_series.layers) heights.push_back(layer.local * 100);
    FilledBars bars;
    bars.heights = heights;
    bars.firstEdge = -0.5;
    bars.pixelX = [this](double x) { return pixelX(x); };
    bars.pixelY = [this](double y) { return pixelY(y); };
    bars.baseline = area.bottom() + 1;
    bars.gaps = true;
    const QColor own = theme().variantColor(m_series.variant);
    const QColor color = m_series.preview ? previewColor(own, theme()) : own;
    const int chosen = indexOf(m_selected);
    const auto above = [this](int i) {
        return m_series.threshold && m_series.layers[static_cast<size_t>(i)].local > *m_series.threshold;
    };
    bars.paint(painter, area, [&](int i) {
        const QColor tone = above(i) ? theme().clipping : color;
        return i == chosen ? mixed(theme().text, tone, 0.55) : tone;
    });
    if (m_series.threshold) {
        const int row = qRound(pixelY(*m_series.threshold * 100));
        painter.setPen(QPen(theme().text, theme().isPresentation ? 2 : 1, Qt::DashLine));
        painter.drawLine(area.left(), row, area.right(), row);
    }
    painter.fillRect(area.left(), area.bottom(), area.width() + 1, 1, theme().axis);
    paintLine(painter);
    const QString legend = m_series.weightOnly ? tr("bars: error of the weights")
                                               : (m_series.sorted ? tr("bars: local · dots: accumulated")
                                                                  : tr("bars: local · line: accumulated"));
    drawTextOn(painter, theme(), labelFont(), area.adjusted(theme().px(4), 0, 0, 0),
               Qt::AlignLeft | Qt::AlignTop, legend, theme().mutedText);
}

void LayerErrorView::paintLine(QPainter& painter) const {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme().text, theme().lineWidth * 1.2));
    QPolygonF line;
    for (size_t i = 0; i < m_series.layers.size(); ++i) {
        const double value = m_series.layers[i].accumulated;
        if (std::isfinite(value)) line.append(QPointF(pixelX(static_cast<double>(i)), pixelY(value * 100)));
    }
    // Sorted, neighbours have nothing to do with each other: points instead of a line.
    if (m_series.sorted) {
        painter.setBrush(theme().text);
        painter.setPen(Qt::NoPen);
        for (const QPointF& point : line) painter.drawEllipse(point, theme().px(2), theme().px(2));
        return;
    }
    painter.drawPolyline(line);
}

void LayerErrorView::paintOverlay(QPainter& painter, const QRect& area) {
    const int index = m_hovered;
    if (index < 0 || index >= static_cast<int>(m_series.layers.size())) return;
    const LayerErrorBar& layer = m_series.layers[static_cast<size_t>(index)];
    const int x = qRound(pixelX(index));
    painter.fillRect(x, area.top(), 1, area.height(), theme().crosshair);
    drawTag(painter, theme(), tickFont(), QPoint(x, area.top() + theme().px(16)),
            QStringLiteral("%1  %2").arg(layer.name, formatPercent(layer.local)), area);
}

int LayerErrorView::layerAt(double x) const {
    const int index = static_cast<int>(std::lround(x));
    return index >= 0 && index < static_cast<int>(m_series.layers.size()) ? index : -1;
}

int LayerErrorView::indexOf(const QString& layer) const {
    for (size_t i = 0; i < m_series.layers.size(); ++i)
        if (m_series.layers[i].name == layer) return static_cast<int>(i);
    return -1;
}

QString LayerErrorView::hoverText(double x, double) const {
    const int index = layerAt(x);
    if (index < 0) return {};
    const LayerErrorBar& layer = m_series.layers[static_cast<size_t>(index)];
    QString text = tr("%1: local %2, accumulated %3")
                       .arg(layer.name, formatPercent(layer.local), formatPercent(layer.accumulated));
    if (layer.outlierChannels > 0) text += tr(", %1 outlier input channels").arg(layer.outlierChannels);
    return text;
}

void LayerErrorView::hoverMoved(const QPointF& position) {
    m_hovered = plotArea().contains(position.toPoint()) ? layerAt(xAt(position.x())) : -1;
}

void LayerErrorView::clicked(const QPointF& position) {
    const int index = layerAt(xAt(position.x()));
    if (index < 0) return;
    setSelected(m_series.layers[static_cast<size_t>(index)].name);
    Q_EMIT layerSelected(m_selected);
}

void LayerErrorView::setSelected(const QString& layer) {
    if (m_selected == layer) return;
    m_selected = layer;
    requestReplot();
}

PlotTable LayerErrorView::table() const {
    PlotTable table{{QStringLiteral("layer"), QStringLiteral("local_relative_error"),
                     QStringLiteral("accumulated_relative_error"), QStringLiteral("outlier_channels")},
                    {}};
    for (const LayerErrorBar& layer : m_series.layers)
        table.rows.append({layer.name, exactNumber(layer.local), exactNumber(layer.accumulated),
                           QString::number(layer.outlierChannels)});
    return table;
}

}  // namespace quantscope
