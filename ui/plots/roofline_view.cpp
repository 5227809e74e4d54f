// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/roofline_view.h"

#include <algorithm>
#include <cmath>

#include "plots/label_placement.h"
#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

RooflineView::RooflineView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("roofline"));
    setZoomAxes(ZoomAxes::Both);
    setLogX(6);
    setLogY(5);
    setAxisLabels(tr("operations a byte"), tr("GOPS"));
    setHome({0.5, 2000}, {1, 4000});
    setExplanation(
        tr("<p>What limits a product: it does 2 M N K operations and moves M K + N K + 4 M N bytes. Left of "
           "the ridge "
           "memory is too slow for the arithmetic (rate = bandwidth × operations a byte); right of it the "
           "arithmetic "
           "units are busy.</p><p>Peak and bandwidth were measured on this machine: 8-bit multiply-adds "
           "with operands in registers, and one reading of 128 MiB. A small weight that stays in the cache "
           "lies above "
           "the "
           "slope.</p>"));
}

void RooflineView::setSeries(RooflineSeries series) {
    m_series = std::move(series);
    if (m_series.peakGops > 0 && m_series.bandwidthGbs > 0) {
        const double ridge = m_series.peakGops / m_series.bandwidthGbs;
        double low = ridge / 60;
        double high = ridge * 12;
        double floor = m_series.bandwidthGbs * low;
        for (const auto& point : m_series.points) {
            low = std::min(low, point.opsPerByte / 2);
            high = std::max(high, point.opsPerByte * 2);
            floor = std::min(floor, point.gops / 2);
        }
        setHome({low, high}, {std::min(floor, m_series.bandwidthGbs * low), m_series.peakGops * 8});
    }
    requestReplot();
}

void RooflineView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.peakGops <= 0 || m_series.bandwidthGbs <= 0)
        return drawSentence(painter, theme(), area, tr("Measured together with the kernels."));
    const double ridge = m_series.peakGops / m_series.bandwidthGbs;
    const auto at = [this](double x, double y) { return QPointF(pixelX(x), pixelY(y)); };
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme().text, 1.5 * theme().lineWidth));
    const AxisRange x = xRange();
    painter.drawLine(at(x.lower, x.lower * m_series.bandwidthGbs), at(ridge, m_series.peakGops));
    painter.drawLine(at(ridge, m_series.peakGops), at(std::max(x.upper, ridge), m_series.peakGops));
    painter.setFont(tickFont());
    painter.setPen(theme().mutedText);
    const int line = painter.fontMetrics().height();
    const QString peak = tr("int8 peak %1 GOPS").arg(formatNumber(m_series.peakGops, 3));
    const QRect peakBox(area.left(), qRound(pixelY(m_series.peakGops)) - line - theme().px(4),
                        area.width() - theme().px(4), line);
    painter.drawText(peakBox, Qt::AlignRight, peak);
    const QString slope = tr("%1 GB/s").arg(formatNumber(m_series.bandwidthGbs, 3));
    const double middle = std::sqrt(std::max(x.lower, 1e-9) * ridge);
    const QPointF onSlope = at(middle, m_series.bandwidthGbs * middle);
    const QRect slopeBox(qRound(onSlope.x()) + theme().px(10), qRound(onSlope.y()),
                         painter.fontMetrics().horizontalAdvance(slope) + 2, line);
    painter.drawText(slopeBox, Qt::AlignLeft, slope);
    std::vector<LabelRequest> requests;
    const double radius = theme().px(5);
    for (const auto& point : m_series.points) {
        requests.push_back({at(point.opsPerByte, point.gops),
                            QSizeF(painter.fontMetrics().horizontalAdvance(point.label) + 2, line)});
    }
    const auto labels =
        placeLabels(requests, area, {peakBox.adjusted(peakBox.width() / 2, 0, 0, 0), slopeBox}, radius);
    for (size_t i = 0; i < requests.size(); ++i) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme().variantColor(3));
        painter.drawEllipse(requests[i].point, radius, radius);
        painter.setPen(theme().text);
        if (!labels[i].isEmpty()) painter.drawText(labels[i], Qt::AlignCenter, m_series.points[i].label);
    }
}

QString RooflineView::hoverText(double x, double y) const {
    const QPointF here = positionOf(x, y);
    for (const auto& point : m_series.points) {
        const QPointF there = positionOf(point.opsPerByte, point.gops);
        if (std::hypot(there.x() - here.x(), there.y() - here.y()) < theme().px(12)) {
            const double limit = std::min(m_series.peakGops, m_series.bandwidthGbs * point.opsPerByte);
            return tr("%1: %2 operations a byte, %3 GOPS, %4 of what the roof allows")
                .arg(point.label, formatNumber(point.opsPerByte), formatNumber(point.gops),
                     formatPercent(point.gops / limit));
        }
    }
    if (m_series.peakGops <= 0) return {};
    return tr("at %1 operations a byte at most %2 GOPS")
        .arg(formatNumber(x), formatNumber(std::min(m_series.peakGops, m_series.bandwidthGbs * x)));
}

QString RooflineView::crosshairText(double x, double) const {
    return formatNumber(x, 2);
}

PlotTable RooflineView::table() const {
    PlotTable table{
        {QStringLiteral("product"), QStringLiteral("operations_per_byte"), QStringLiteral("gops")}, {}};
    for (const auto& point : m_series.points)
        table.rows.append({point.label, exactNumber(point.opsPerByte), exactNumber(point.gops)});
    table.rows.append({QStringLiteral("peak"), {}, exactNumber(m_series.peakGops)});
    table.rows.append({QStringLiteral("bandwidth GB/s"), {}, exactNumber(m_series.bandwidthGbs)});
    return table;
}

}  // namespace quantscope
