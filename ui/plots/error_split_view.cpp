// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/error_split_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

QString valueText(const ErrorSplitRow& row) {
    if (row.isReference) return QStringLiteral("0");
    const QString numbers =
        QStringLiteral("%1  %2 dB").arg(formatNumber(row.rounding + row.clipping), formatNumber(row.sqnrDb));
    return row.hasRange ? numbers : QObject::tr("%1  no range").arg(numbers);
}

}  // namespace

ErrorSplitView::ErrorSplitView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("error-split"));
    setZoomAxes(ZoomAxes::None);
    setCrosshairEnabled(false);
    showAxes(false, false);
    setExplanation(
        tr("<p>Mean squared error sum (r - r̂)² / n of each variant, split exactly in two: <i>clipping</i> is "
           "the error of "
           "the elements outside the representable range, <i>rounding</i> that of all others. The two add "
           "up. A wider "
           "range clips less and rounds more coarsely.</p><p>SQNR = 10 log10(sum r² / sum (r - r̂)²), one "
           "ratio over all "
           "elements.</p><p><i>No range</i>: what this method may store has no limits (floats that pruning "
           "leaves, sums "
           "of codewords), so that nothing is clipped.</p>"));
}

void ErrorSplitView::setRows(std::vector<ErrorSplitRow> rows) {
    m_rows = std::move(rows);
    const auto count = static_cast<double>(std::max<size_t>(1, m_rows.size()));
    setHome({0, 1}, {0, count});
    requestReplot();
}

void ErrorSplitView::paintRow(QPainter& painter, const QRect& box, const ErrorSplitRow& row, double largest,
                              int textWidth) const {
    const int letterWidth = theme().px(26);
    const int barHeight = std::min(box.height() - theme().px(4), theme().px(26));
    const int top = box.center().y() - barHeight / 2;
    const int left = box.left() + letterWidth;
    const int space = std::max(1, box.width() - letterWidth - textWidth - theme().px(12));
    const auto length = [&](double value) {
        return largest > 0 ? static_cast<int>(std::lround(value / largest * space)) : 0;
    };
    painter.setFont(theme().textFont(13, QFont::DemiBold));
    painter.setPen(readable(theme().variantColor(row.variant), theme()));
    painter.drawText(QRect(box.left(), box.top(), letterWidth, box.height()),
                     Qt::AlignVCenter | Qt::AlignLeft, variantLetter(row.variant));
    const auto tone = [&](const QColor& color) { return row.preview ? previewColor(color, theme()) : color; };
    const int total = std::max(length(row.rounding + row.clipping), row.isReference ? 0 : 1);
    const int rounding = std::min(length(row.rounding), total);
    painter.fillRect(left, top, total, barHeight, tone(theme().clipping));
    painter.fillRect(left, top, row.clipping > 0 ? rounding : total, barHeight, tone(theme().rounding));
    painter.setFont(tickFont());
    painter.setPen(row.preview ? theme().mutedText : theme().text);
    painter.drawText(QRect(left + total + theme().px(8), box.top(), textWidth + theme().px(8), box.height()),
                     Qt::AlignVCenter | Qt::AlignLeft, valueText(row));
}

void ErrorSplitView::paintLegend(QPainter& painter, const QRect& box) const {
    painter.setFont(labelFont());
    const int side = theme().px(9);
    const bool clips =
        std::any_of(m_rows.begin(), m_rows.end(), [](const auto& row) { return row.clipping > 0; });
    const QString whole = tr("clipping (none: every value is in range)");
    const int room = box.width() - theme().px(26 + 24 + 20) - 2 * side -
                     painter.fontMetrics().horizontalAdvance(tr("rounding"));
    const bool fits = painter.fontMetrics().horizontalAdvance(whole) <= room;
    const std::pair<QString, QColor> entries[] = {
        {tr("rounding"), theme().rounding}, {clips || !fits ? tr("clipping") : whole, theme().clipping}};
    int x = box.left() + theme().px(26);
    for (const auto& [text, color] : entries) {
        painter.fillRect(x, box.center().y() - side / 2, side, side, color);
        painter.setPen(theme().mutedText);
        const int width = painter.fontMetrics().horizontalAdvance(text);
        painter.drawText(QRect(x + side + theme().px(6), box.top(), width + 4, box.height()),
                         Qt::AlignVCenter, text);
        x += side + width + theme().px(24);
    }
}

void ErrorSplitView::paintData(QPainter& painter, const QRect& area) {
    if (m_rows.empty()) return;
    const int legend = theme().px(24);
    const QRect body = area.adjusted(theme().px(4), 0, 0, -legend);
    double largest = 0;
    int textWidth = 0;
    const QFontMetrics metrics(tickFont());
    for (const ErrorSplitRow& row : m_rows) {
        largest = std::max(largest, row.rounding + row.clipping);
        textWidth = std::max(textWidth, metrics.horizontalAdvance(valueText(row)));
    }
    const int height = std::min(body.height() / static_cast<int>(m_rows.size()), theme().px(52));
    for (size_t i = 0; i < m_rows.size(); ++i)
        paintRow(painter, QRect(body.left(), body.top() + height * static_cast<int>(i), body.width(), height),
                 m_rows[i], largest, textWidth);
    const int used = body.top() + height * static_cast<int>(m_rows.size());
    paintLegend(painter, QRect(area.left(), used + theme().px(2), area.width(), legend - theme().px(2)));
}

QString ErrorSplitView::hoverText(double, double y) const {
    if (m_rows.empty()) return {};
    const double pixel = positionOf(0, y).y() - plotArea().top();
    const int height =
        std::min((plotArea().height() - theme().px(24)) / static_cast<int>(m_rows.size()), theme().px(52));
    const int index = height > 0 ? static_cast<int>(pixel / height) : 0;
    if (index < 0 || index >= static_cast<int>(m_rows.size())) return {};
    const ErrorSplitRow& row = m_rows[static_cast<size_t>(index)];
    if (!row.hasRange)
        return tr("%1: mean squared error %2, no range that could clip")
            .arg(row.name, formatNumber(row.rounding, 4));
    return tr("%1: mean squared error %2 = rounding %3 + clipping %4")
        .arg(row.name, formatNumber(row.rounding + row.clipping, 4), formatNumber(row.rounding, 4),
             formatNumber(row.clipping, 4));
}

PlotTable ErrorSplitView::table() const {
    PlotTable table{{QStringLiteral("variant"), QStringLiteral("rounding_mse"),
                     QStringLiteral("clipping_mse"), QStringLiteral("sqnr_db")},
                    {}};
    for (const ErrorSplitRow& row : m_rows)
        table.rows.append({row.name, exactNumber(row.rounding),
                           row.hasRange ? exactNumber(row.clipping) : QStringLiteral("no range"),
                           exactNumber(row.sqnrDb)});
    return table;
}

}  // namespace quantscope
