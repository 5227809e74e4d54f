// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/kernel_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {
namespace {

QString rateText(double gops) {
    return QStringLiteral("%1 GOPS").arg(formatNumber(gops, 3));
}

/// "79.9 %", or what is wrong with it.
QString tailText(const KernelRow& row) {
    return row.note.isEmpty() ? formatPercent(row.shareOfPeak) : row.note;
}

QString timeText(double seconds) {
    if (seconds < 1e-3) return QStringLiteral("%1 µs").arg(formatNumber(1e6 * seconds, 3));
    return QStringLiteral("%1 ms").arg(formatNumber(1e3 * seconds, 3));
}

}  // namespace

KernelView::KernelView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("kernels"));
    setZoomAxes(ZoomAxes::None);
    setCrosshairEnabled(false);
    showAxes(false, false);
    setHome({0, 1}, {0, 1});
    setExplanation(tr(
        "<p>The same product by every kernel: 2 M N K operations over the fastest of several runs. All give "
        "the same "
        "integers, and are compared before they are timed.</p>"
        "<p><i>Naive loops</i> read W across its rows; <i>loops in memory order</i> read both sides as they "
        "lie; "
        "<i>packed</i> puts W in the order the kernel reads, once; the others are the same with the "
        "machine's vector "
        "instructions. PMADDUBSW adds two products in 16 bits and saturates: it may be wrong.</p>"
        "<p>A GPU's rate is that of its kernel alone; beside it the time with X sent there and Y back.</p>"
        "<p>Peak: the machine's 8-bit multiply-adds with all operands in registers. Slow kernels get fewer "
        "rows.</p>"));
}

void KernelView::setRows(std::vector<KernelRow> rows) {
    m_rows = std::move(rows);
    requestReplot();
}

int KernelView::rowHeight(const QRect& area) const {
    return std::min(area.height() / std::max(1, static_cast<int>(m_rows.size())), theme().px(30));
}

void KernelView::paintData(QPainter& painter, const QRect& area) {
    if (m_rows.empty())
        return drawSentence(painter, theme(), area,
                            tr("\"Run on every kernel\" times this product on this machine."));
    const int height = rowHeight(area);
    const QFont nameFont = theme().textFont(height < theme().px(18) ? 11 : 13);
    const QFontMetrics names(theme().textFont(13, QFont::DemiBold));
    const QFontMetrics numbers(tickFont());
    double fastest = 0;
    int nameWidth = 0;
    int tailWidth = 0;
    for (const KernelRow& row : m_rows) {
        fastest = std::max(fastest, row.gops);
        nameWidth = std::max(nameWidth, names.horizontalAdvance(row.name));
        if (row.reason.isEmpty()) tailWidth = std::max(tailWidth, numbers.horizontalAdvance(tailText(row)));
    }
    const int left = area.left() + theme().px(6) + nameWidth + theme().px(14);
    const int rateWidth = numbers.horizontalAdvance(QStringLiteral("8.888 GOPS")) + theme().px(8);
    const int space = std::max(theme().px(20), area.right() - left - rateWidth - tailWidth - theme().px(14));
    for (size_t i = 0; i < m_rows.size(); ++i) {
        const KernelRow& row = m_rows[i];
        const QRect line(area.left() + theme().px(6), area.top() + height * static_cast<int>(i), area.width(),
                         height);
        QFont font = nameFont;
        if (row.isChosen) font.setWeight(QFont::DemiBold);
        painter.setFont(font);
        painter.setPen(row.reason.isEmpty() ? theme().text : theme().disabledText);
        painter.drawText(QRect(line.left(), line.top(), nameWidth + theme().px(8), height), Qt::AlignVCenter,
                         row.name);
        painter.setFont(tickFont());
        if (!row.reason.isEmpty()) {
            const int width = area.right() - left;
            painter.drawText(QRect(left, line.top(), width, height), Qt::AlignVCenter,
                             numbers.elidedText(row.reason, Qt::ElideRight, width));
            continue;
        }
        const int length = fastest > 0 ? static_cast<int>(std::lround(row.gops / fastest * space)) : 0;
        const int bar = std::min(height - theme().px(6), theme().px(16));
        painter.fillRect(QRect(left, line.center().y() - bar / 2, std::max(1, length), std::max(2, bar)),
                         row.isChosen ? theme().variantColor(3) : theme().reference);
        painter.setPen(theme().text);
        painter.drawText(QRect(left + length + theme().px(8), line.top(), rateWidth, height),
                         Qt::AlignVCenter, rateText(row.gops));
        painter.setPen(theme().mutedText);
        painter.drawText(
            QRect(area.right() - tailWidth - theme().px(4), line.top(), tailWidth + theme().px(2), height),
            Qt::AlignVCenter | Qt::AlignRight, tailText(row));
    }
}

QString KernelView::hoverText(double, double y) const {
    if (m_rows.empty()) return {};
    const int height = rowHeight(plotArea());
    const auto index = static_cast<int>(positionOf(0, y).y() - plotArea().top()) / std::max(1, height);
    if (index < 0 || index >= static_cast<int>(m_rows.size())) return {};
    const KernelRow& row = m_rows[static_cast<size_t>(index)];
    if (!row.reason.isEmpty()) return tr("%1: %2").arg(row.name, row.reason);
    const QString tail =
        row.shareOfPeak > 0 ? tr("%1 of peak").arg(formatPercent(row.shareOfPeak)) : row.note;
    return tr("%1: %2, %3, %4").arg(row.name, timeText(row.seconds), rateText(row.gops), tail);
}

PlotTable KernelView::table() const {
    PlotTable table{{QStringLiteral("kernel"), QStringLiteral("seconds"), QStringLiteral("gops"),
                     QStringLiteral("share_of_peak"), QStringLiteral("note")},
                    {}};
    for (const KernelRow& row : m_rows)
        table.rows.append({row.name, exactNumber(row.seconds), exactNumber(row.gops),
                           exactNumber(row.shareOfPeak), row.reason.isEmpty() ? row.note : row.reason});
    return table;
}

}  // namespace quantscope
