// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/kl_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

constexpr double kSmallest = 1e-7;  // below this a divergence is float noise; the axis ends there

}  // namespace

KlView::KlView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("kl-divergence"));
    setLogX(6);
    showAxes(true, false);
    setAxisLabels(tr("nat a token (dots: 50, 90, 99, 99.9 %)"));
    reserveMargins(28, 4, 8, 2);
    setHome({1e-4, 10}, {0, 1});
    setExplanation(tr(
        "<p>How far each variant's next-token distribution q lies from the reference's p: sum p log(p / q) "
        "in nats for "
        "every scored token. The dots are percentiles over tokens: the largest is the median, the smallest "
        "the 99.9th. "
        "A long tail means that a few tokens are badly hurt although the typical one is fine, which "
        "perplexity hides.</p>"
        "<p>\"Top-1 same\" is the share of tokens for which both find the same next token most likely.</p>"));
}

void KlView::setRows(std::vector<KlRow> rows, bool complete) {
    m_rows = std::move(rows);
    m_complete = complete;
    double low = std::numeric_limits<double>::infinity();
    double high = 0;
    for (const KlRow& row : m_rows) {
        low = std::min(low, std::max(row.median, kSmallest));
        high = std::max(high, row.p999);
    }
    if (high > 0) setHome({low / 2.5, std::max(high, low * 10) * 2.5}, {0, 1});
    requestReplot();
}

int KlView::rowCentre(const QRect& area, size_t index) const {
    const int step =
        std::min(area.height() / static_cast<int>(std::max<size_t>(1, m_rows.size())), theme().px(64));
    return area.top() + step / 2 + step * static_cast<int>(index);
}

void KlView::paintRow(QPainter& painter, const QRect& area, size_t index) const {
    const KlRow& row = m_rows[index];
    const int y = rowCentre(area, index);
    const QColor own = theme().variantColor(row.variant);
    const QColor color = m_complete ? own : previewColor(own, theme());
    const double values[] = {row.median, row.p90, row.p99, row.p999};
    const double radii[] = {5.5, 4.5, 3.6, 2.8};
    const auto at = [&](double value) { return pixelX(std::max(value, kSmallest)); };
    const double left = at(values[0]);
    const double right = at(values[3]);
    painter.fillRect(QRect(QPoint(qRound(left), y - theme().px(1)), QPoint(qRound(right), y)), color);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color);
    for (int i = 0; i < 4; ++i)
        painter.drawEllipse(QPointF(at(values[i]), y), theme().px(radii[i]), theme().px(radii[i]));
    painter.setPen(theme().text);
    painter.setFont(tickFont());
    const QString share = formatPercent(row.top1Agreement);
    paintBeside(painter, area, y, left, right, {tr("top-1 same %1").arg(share), share});
}

/// The first of the texts that fits right or left of a line, or the last one above it; none where rows are
/// too close for that.
void KlView::paintBeside(QPainter& painter, const QRect& area, int y, double left, double right,
                         const QStringList& texts) const {
    const QFontMetrics metrics(tickFont());
    const int gap = theme().px(12);
    QRect box;
    for (const QString& text : texts) {
        const int width = metrics.horizontalAdvance(text) + 4;
        box = QRect(qRound(right) + gap, y - metrics.height() / 2, width, metrics.height());
        if (box.right() > area.right()) box.moveRight(qRound(left) - gap);
        if (box.left() >= area.left()) return painter.drawText(box, Qt::AlignVCenter | Qt::AlignLeft, text);
    }
    if (rowCentre(area, 1) - rowCentre(area, 0) < metrics.height() + theme().px(12)) return;
    box.moveCenter(QPoint(
        std::clamp(qRound((left + right) / 2), area.left() + box.width() / 2, area.right() - box.width() / 2),
        y - theme().px(9) - metrics.height() / 2));
    painter.drawText(box, Qt::AlignVCenter | Qt::AlignLeft, texts.last());
}

void KlView::paintData(QPainter& painter, const QRect& area) {
    if (m_rows.empty())
        return drawSentence(painter, theme(), area, tr("Nothing to compare with the reference yet."));
    painter.setRenderHint(QPainter::Antialiasing);
    for (size_t i = 0; i < m_rows.size(); ++i) paintRow(painter, area, i);
}

void KlView::paintMargins(QPainter& painter, const QRect& area) {
    painter.setFont(theme().textFont(13, QFont::DemiBold));
    for (size_t i = 0; i < m_rows.size(); ++i) {
        painter.setPen(readable(theme().variantColor(m_rows[i].variant), theme()));
        painter.drawText(
            QRect(theme().px(4), rowCentre(area, i) - theme().px(10), theme().px(22), theme().px(20)),
            Qt::AlignVCenter | Qt::AlignLeft, variantLetter(m_rows[i].variant));
    }
}

QString KlView::hoverText(double, double y) const {
    if (m_rows.empty()) return {};
    const double pixel = positionOf(1, y).y();
    size_t best = 0;
    for (size_t i = 1; i < m_rows.size(); ++i)
        if (std::abs(rowCentre(plotArea(), i) - pixel) < std::abs(rowCentre(plotArea(), best) - pixel))
            best = i;
    const KlRow& row = m_rows[best];
    return tr("%1: mean %2 nat; median %3, 90 % %4, 99 % %5, 99.9 % %6; top-1 same %7")
        .arg(row.name, formatNumber(row.mean), formatNumber(row.median), formatNumber(row.p90),
             formatNumber(row.p99), formatNumber(row.p999), formatPercent(row.top1Agreement));
}

QString KlView::crosshairText(double x, double) const {
    return formatNumber(x, 2);
}

PlotTable KlView::table() const {
    PlotTable table{{QStringLiteral("variant"), QStringLiteral("kl_mean"), QStringLiteral("kl_p50"),
                     QStringLiteral("kl_p90"), QStringLiteral("kl_p99"), QStringLiteral("kl_p999"),
                     QStringLiteral("top1_agreement")},
                    {}};
    for (const KlRow& row : m_rows)
        table.rows.append({row.name, exactNumber(row.mean), exactNumber(row.median), exactNumber(row.p90),
                           exactNumber(row.p99), exactNumber(row.p999), exactNumber(row.top1Agreement)});
    return table;
}

}  // namespace quantscope
