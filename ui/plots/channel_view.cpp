// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/channel_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

ChannelView::ChannelView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("channels"));
    setLogY(5);
    setCrosshairEnabled(false);
    setHome({0, 1}, {0.1, 10});
    setExplanation(
        tr("<p>The largest magnitude in every channel (bar), the 99th percentile of the magnitudes in it "
           "(darker) and "
           "their median (darkest), on a logarithmic axis. A channel at or above the dashed line is an "
           "outlier: with one "
           "scale for the whole tensor it forces a coarse step on everybody else. Click a channel to mark it "
           "in every "
           "plot.</p>"));
}

bool ChannelView::isOutlier(size_t bar) const {
    return m_series.threshold > 0 && m_series.absMax[bar] >= m_series.threshold;
}

void ChannelView::setSeries(ChannelSeries series) {
    m_series = std::move(series);
    m_hovered = -1;
    double largest = 0;
    for (const double value : m_series.absMax) largest = std::max(largest, value);
    std::vector<double> positive;
    std::copy_if(m_series.absMax.begin(), m_series.absMax.end(), std::back_inserter(positive),
                 [](double value) { return value > 0; });
    if (positive.empty()) {
        setHome({0, std::max<double>(1, static_cast<double>(m_series.channels))}, {0.1, 10});
    } else {
        // The axis ends below the low channels but above single dead ones, which would stretch it over many
        // decades.
        const auto low = positive.begin() + static_cast<ptrdiff_t>(positive.size() / 50);
        std::nth_element(positive.begin(), low, positive.end());
        const double bottom = std::min(*low, largest / 3) * 0.25;
        setHome({0, static_cast<double>(m_series.channels)},
                {bottom, std::max(largest, m_series.threshold) * 2.2});
    }
    setMinimumSpan(8, 0);
    setAxisLabels(m_series.axisName);
    requestReplot();
}

void ChannelView::setMarked(int64_t channel) {
    if (m_marked == channel) return;
    m_marked = channel;
    requestOverlay();
}

void ChannelView::paintBars(QPainter& painter, const QRect& area, const std::vector<double>& heights,
                            const std::function<QColor(int)>& colorOf) const {
    if (heights.empty()) return;
    FilledBars bars;
    bars.heights = heights;
    bars.width = m_series.channelsPerBar;
    bars.pixelX = [this](double x) { return pixelX(x); };
    bars.pixelY = [this, &area](double y) { return y > 0 ? pixelY(y) : area.bottom() + 1.0; };
    bars.baseline = area.bottom() + 1;
    bars.gaps = true;
    bars.paint(painter, area, colorOf);
}

void ChannelView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.absMax.empty()) return drawSentence(painter, theme(), area, tr("No channels."));
    const auto tone = [this](const QColor& color) {
        return m_series.preview ? previewColor(color, theme()) : color;
    };
    const QColor quiet = tone(theme().reference);
    const QColor loud = tone(theme().clipping);
    paintBars(painter, area, m_series.absMax,
              [&](int bar) { return isOutlier(static_cast<size_t>(bar)) ? loud : quiet; });
    const auto deeper = [&](const std::vector<double>& heights, double share) {
        paintBars(painter, area, heights, [&, share](int bar) {
            return mixed(theme().text, isOutlier(static_cast<size_t>(bar)) ? loud : quiet, share);
        });
    };
    deeper(m_series.p99, 0.22);
    deeper(m_series.median, 0.45);
    if (m_series.threshold > 0) {
        const int row = qRound(pixelY(m_series.threshold));
        painter.setPen(QPen(theme().text, theme().isPresentation ? 2 : 1, Qt::DashLine));
        painter.drawLine(area.left(), row, area.right(), row);
        const QString text = tr("outlier ≥ %1").arg(formatNumber(m_series.threshold));
        const int height = QFontMetrics(labelFont()).height();
        drawTextOn(painter, theme(), labelFont(),
                   QRect(area.left(), row - height - 2, area.width() - 4, height),
                   Qt::AlignRight | Qt::AlignVCenter, text, theme().text);
    }
}

QString ChannelView::textOf(size_t bar) const {
    QString text = tr("ch %1: %2").arg(m_series.channel[bar]).arg(formatNumber(m_series.absMax[bar], 4));
    if (m_series.medianAbsMax > 0) text += tr(" (median %1)").arg(formatNumber(m_series.medianAbsMax));
    return text;
}

int ChannelView::barOf(int64_t channel) const {
    if (channel < 0 || channel >= m_series.channels || m_series.absMax.empty()) return -1;
    const auto bar = static_cast<int>(static_cast<double>(channel) / m_series.channelsPerBar);
    return std::min(bar, static_cast<int>(m_series.absMax.size()) - 1);
}

void ChannelView::paintOverlay(QPainter& painter, const QRect& area) {
    const int bar = m_hovered >= 0 ? m_hovered : barOf(m_marked);
    for (const int shown : {barOf(m_marked), m_hovered}) {
        if (shown < 0) continue;
        const auto at = static_cast<size_t>(shown);
        const double left = pixelX(static_cast<double>(shown) * m_series.channelsPerBar);
        const double right = pixelX(static_cast<double>(shown + 1) * m_series.channelsPerBar);
        const int width = std::max(theme().px(2), qRound(right - left));
        const int top =
            std::clamp(qRound(pixelY(std::max(m_series.absMax[at], 1e-300))), area.top(), area.bottom());
        if (right < area.left() || left > area.right()) continue;
        painter.fillRect(qRound(left), top, width, area.bottom() + 1 - top, theme().accent);
    }
    if (bar < 0) return;
    const double x = pixelX((static_cast<double>(bar) + 0.5) * m_series.channelsPerBar);
    if (x < area.left() || x > area.right()) return;
    const QFontMetrics metrics(tickFont());
    const int top =
        std::max(area.top(), qRound(pixelY(std::max(m_series.absMax[static_cast<size_t>(bar)], 1e-300))) -
                                 metrics.height() - theme().px(3));
    drawTag(painter, theme(), tickFont(), QPoint(qRound(x), top), textOf(static_cast<size_t>(bar)), area);
}

int ChannelView::barAt(const QPointF& position) const {
    if (m_series.absMax.empty() || !plotArea().contains(position.toPoint())) return -1;
    // Bars can be narrower than a pixel: take the tallest within two pixels, which is what the eye points at.
    const double reach = m_series.channelsPerBar > 0 ? 2.0 : 0.0;
    const int count = static_cast<int>(m_series.absMax.size());
    int from = static_cast<int>(xAt(position.x() - reach) / m_series.channelsPerBar);
    int to = static_cast<int>(xAt(position.x() + reach) / m_series.channelsPerBar);
    const double barPixels = pixelX(m_series.channelsPerBar) - pixelX(0);
    if (barPixels >= 2) from = to = static_cast<int>(xAt(position.x()) / m_series.channelsPerBar);
    from = std::clamp(from, 0, count - 1);
    to = std::clamp(to, from, count - 1);
    const auto begin = m_series.absMax.begin();
    return static_cast<int>(std::max_element(begin + from, begin + to + 1) - begin);
}

QString ChannelView::hoverText(double, double) const {
    if (m_hovered < 0) return {};
    const auto bar = static_cast<size_t>(m_hovered);
    QString text = textOf(bar);
    if (bar < m_series.p99.size())
        text += tr(", 99 % of its magnitudes below %1").arg(formatNumber(m_series.p99[bar]));
    if (m_series.channelsPerBar > 1)
        text += tr(" (largest of %1 neighbours)").arg(formatNumber(m_series.channelsPerBar, 2));
    return text;
}

void ChannelView::hoverMoved(const QPointF& position) {
    m_hovered = barAt(position);
}

void ChannelView::clicked(const QPointF& position) {
    const int bar = barAt(position);
    if (bar < 0) return;
    const int64_t channel = m_series.channel[static_cast<size_t>(bar)];
    setMarked(channel == m_marked ? -1 : channel);
    Q_EMIT channelBrushed(m_marked);
}

PlotTable ChannelView::table() const {
    PlotTable table{{QStringLiteral("channel"), QStringLiteral("absmax")}, {}};
    const bool percentiles = m_series.p99.size() == m_series.absMax.size();
    if (percentiles) table.header << QStringLiteral("p99_magnitude");
    for (size_t i = 0; i < m_series.absMax.size(); ++i) {
        QStringList row{QString::number(m_series.channel[i]), exactNumber(m_series.absMax[i])};
        if (percentiles) row << exactNumber(m_series.p99[i]);
        table.rows.append(row);
    }
    return table;
}

}  // namespace quantscope
