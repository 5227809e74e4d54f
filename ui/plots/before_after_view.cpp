// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/before_after_view.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

constexpr double kDecades = 4;  // a dead channel must not stretch the axis without end

double largest(const std::vector<double>& values) {
    return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

}  // namespace

BeforeAfterView::BeforeAfterView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setLogY(4);
    setAxisLabels(tr("input channel"));
    reserveMargins(4, 18, 8, 2);
    setHome({0, 1}, {0.1, 10});
    setMinimumSpan(8, 0);
}

void BeforeAfterView::setSeries(BeforeAfterSeries series) {
    m_series = std::move(series);
    double low = std::numeric_limits<double>::infinity();
    double high = 0;
    for (const auto* values : {&m_series.before, &m_series.after}) {
        for (const double value : *values) {
            if (value > 0) low = std::min(low, value);
            high = std::max(high, value);
        }
    }
    if (high > 0) {
        low = std::max(low, high * std::pow(10.0, -kDecades));
        setHome({0, static_cast<double>(m_series.before.size())}, {low / 1.3, high * 1.3});
    }
    requestReplot();
}

void BeforeAfterView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.before.empty()) return;
    FilledBars bars;
    bars.heights = m_series.before;
    bars.pixelX = [this](double x) { return pixelX(x); };
    bars.pixelY = [this](double y) { return y > 0 ? pixelY(y) : plotArea().bottom() + 1.0; };
    bars.baseline = area.bottom() + 1;
    bars.paint(painter, area, theme().reference);
    paintAfter(painter, area);
    painter.fillRect(area.left(), area.bottom(), area.width() + 1, 1, theme().axis);
}

/// What changed in words, above the data so that it hides none.
void BeforeAfterView::paintMargins(QPainter& painter, const QRect& area) {
    if (m_series.before.empty()) return;
    const auto words = [this](const QString& form, int digits) {
        return form.arg(m_series.what, formatNumber(largest(m_series.before), digits),
                        formatNumber(largest(m_series.after), digits),
                        formatNumber(m_series.spreadBefore, digits),
                        formatNumber(m_series.spreadAfter, digits));
    };
    const QString choices[] = {words(tr("%1: largest %2 → %3 · largest / median %4 → %5"), 3),
                               words(tr("%1: %2 → %3 · / median %4 → %5"), 2)};
    const QFontMetrics metrics(labelFont());
    const bool fits = metrics.horizontalAdvance(choices[0]) <= width() - theme().px(8);
    painter.setFont(labelFont());
    painter.setPen(theme().mutedText);
    painter.drawText(QRect(theme().px(4), 0, width() - theme().px(4), area.top()),
                     Qt::AlignLeft | Qt::AlignVCenter, choices[fits ? 0 : 1]);
}

/// Steps; of channels that share a pixel the largest shows.
void BeforeAfterView::paintAfter(QPainter& painter, const QRect& area) const {
    std::map<int, double> columns;
    for (size_t j = 0; j < m_series.after.size(); ++j) {
        const int column = qRound(pixelX(static_cast<double>(j)));
        if (column < area.left() || column > area.right()) continue;
        double& value = columns[column];
        value = std::max(value, m_series.after[j]);
    }
    QPolygon line;
    for (const auto& [column, value] : columns) {
        const int row = value > 0 ? qRound(pixelY(value)) : area.bottom();
        if (!line.isEmpty()) line.append(QPoint(column, line.back().y()));
        line.append(QPoint(column, row));
    }
    if (!line.isEmpty()) line.append(QPoint(area.right(), line.back().y()));
    painter.setPen(QPen(theme().variantColor(m_series.variant), theme().isPresentation ? 2 : 1));
    painter.drawPolyline(line);
}

int BeforeAfterView::channelAt(double x) const {
    const int channel = static_cast<int>(std::floor(x));
    return channel >= 0 && channel < static_cast<int>(m_series.before.size()) ? channel : -1;
}

QString BeforeAfterView::crosshairText(double x, double) const {
    const int channel = channelAt(x);
    if (channel < 0) return {};
    const auto at = static_cast<size_t>(channel);
    return tr("channel %1: %2 → %3")
        .arg(channel)
        .arg(formatNumber(m_series.before[at]), formatNumber(m_series.after[at]));
}

QString BeforeAfterView::hoverText(double x, double y) const {
    return crosshairText(x, y);
}

PlotTable BeforeAfterView::table() const {
    PlotTable table{{QStringLiteral("input_channel"), m_series.beforeLabel, m_series.afterLabel}, {}};
    for (size_t j = 0; j < m_series.before.size(); ++j)
        table.rows.append(
            {QString::number(j), exactNumber(m_series.before[j]), exactNumber(m_series.after[j])});
    return table;
}

}  // namespace quantscope
