// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/loss_curve_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

constexpr double kTallest = 3;  // losses beyond so many times the reference leave the picture

}  // namespace

LossCurveView::LossCurveView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("loss-over-alpha"));
    setTickCount(5, 4);
    setHome({0, 1}, {0, 1});
}

void LossCurveView::setSeries(LossCurveSeries series) {
    m_series = std::move(series);
    setAxisLabels(m_series.parameter, tr("loss"));
    if (!m_series.loss.empty()) {
        double high = m_series.reference;
        double low = m_series.reference;
        for (const double loss : m_series.loss) {
            if (!std::isfinite(loss)) continue;
            low = std::min(low, loss);
            if (loss <= kTallest * m_series.reference) high = std::max(high, loss);
        }
        const double span = std::max(high - low, 0.02 * high);
        setHome({m_series.x.front(), m_series.x.back()},
                {std::max(0.0, low - 0.35 * span), high + 0.35 * span});
    }
    requestReplot();
}

void LossCurveView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.loss.empty()) return;
    const int row = qRound(pixelY(m_series.reference));
    painter.setPen(QPen(theme().mutedText, theme().isPresentation ? 2 : 1, Qt::DashLine));
    painter.drawLine(area.left(), row, area.right(), row);
    drawTextOn(painter, theme(), labelFont(),
               QRect(area.left(), row - theme().px(18), area.width() - theme().px(4), theme().px(16)),
               Qt::AlignRight | Qt::AlignVCenter, m_series.referenceName, theme().mutedText);
    painter.setRenderHint(QPainter::Antialiasing);
    QPolygonF line;
    for (size_t i = 0; i < m_series.loss.size(); ++i)
        if (std::isfinite(m_series.loss[i]))
            line.append(QPointF(pixelX(m_series.x[i]), pixelY(m_series.loss[i])));
    painter.setPen(QPen(theme().variantColor(m_series.variant), 1.5 * theme().lineWidth));
    painter.drawPolyline(line);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme().variantColor(m_series.variant));
    for (const QPointF& point : line) painter.drawEllipse(point, theme().px(2), theme().px(2));
    paintChoice(painter, area);
}

void LossCurveView::paintChoice(QPainter& painter, const QRect& area) const {
    const QPointF at(pixelX(m_series.x[m_series.chosen]), pixelY(m_series.loss[m_series.chosen]));
    painter.setPen(QPen(theme().text, theme().px(2)));
    painter.setBrush(theme().card);
    painter.drawEllipse(at, theme().px(5), theme().px(5));
    const QString text =
        tr("%1 = %2, %3 less loss")
            .arg(m_series.parameter, formatNumber(m_series.x[m_series.chosen]), formatPercent(m_series.gain));
    const QFont font = theme().textFont(12, QFont::DemiBold);
    const int width = QFontMetrics(font).horizontalAdvance(text) + 4;
    const int height = theme().px(18);
    QRect box(qRound(at.x()) - width / 2, qRound(at.y()) + theme().px(8), width, height);
    if (box.bottom() > area.bottom()) box.moveBottom(qRound(at.y()) - theme().px(8));
    box.moveLeft(std::clamp(box.left(), area.left(), std::max(area.left(), area.right() - width)));
    drawTextOn(painter, theme(), font, box, Qt::AlignCenter, text, theme().text);
}

int LossCurveView::nearest(double x) const {
    int best = -1;
    for (size_t i = 0; i < m_series.x.size(); ++i)
        if (best < 0 || std::abs(m_series.x[i] - x) < std::abs(m_series.x[static_cast<size_t>(best)] - x))
            best = static_cast<int>(i);
    return best;
}

QString LossCurveView::crosshairText(double x, double) const {
    const int index = nearest(x);
    if (index < 0) return {};
    const auto at = static_cast<size_t>(index);
    return QStringLiteral("%1: %2").arg(formatNumber(m_series.x[at]), formatNumber(m_series.loss[at], 4));
}

QString LossCurveView::hoverText(double x, double y) const {
    return m_series.x.empty() ? QString() : m_series.parameter + QLatin1Char(' ') + crosshairText(x, y);
}

PlotTable LossCurveView::table() const {
    PlotTable table{{m_series.parameter, QStringLiteral("loss"), QStringLiteral("chosen")}, {}};
    for (size_t i = 0; i < m_series.x.size(); ++i)
        table.rows.append({exactNumber(m_series.x[i]), exactNumber(m_series.loss[i]),
                           i == m_series.chosen ? QStringLiteral("1") : QStringLiteral("0")});
    return table;
}

}  // namespace quantscope
