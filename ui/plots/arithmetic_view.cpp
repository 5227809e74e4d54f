// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/arithmetic_view.h"

#include <QPainter>
#include <algorithm>
#include <iterator>

namespace quantscope {

ArithmeticView::ArithmeticView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("arithmetic"));
    setZoomAxes(ZoomAxes::None);
    setCrosshairEnabled(false);
    showAxes(false, false);
    setHome({0, 1}, {0, 1});
}

void ArithmeticView::setLines(std::vector<ArithmeticLine> lines) {
    m_lines = std::move(lines);
    requestReplot();
}

/// Height of the line; draws it when asked.
int ArithmeticView::paintLine(QPainter& painter, const ArithmeticLine& line, const QRect& place,
                              int labelWidth, double size, bool draw) const {
    using Tone = ArithmeticLine::Tone;
    const bool isNote = line.tone == Tone::Note;
    const QFont font =
        isNote ? theme().textFont(size)
               : theme().numberFont(size, line.tone == Tone::Strong ? QFont::DemiBold : QFont::Normal);
    const QRect box = place.adjusted(labelWidth, 0, 0, 0);
    painter.setFont(font);
    const QRect used =
        painter.fontMetrics().boundingRect(box, Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap, line.text);
    if (draw) {
        painter.setPen(line.tone == Tone::Muted || isNote ? theme().mutedText : theme().text);
        painter.drawText(box, Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap, line.text);
        painter.setFont(theme().textFont(std::min(size, 13.0)));
        painter.setPen(theme().mutedText);
        painter.drawText(QRect(place.left(), place.top(), labelWidth - theme().px(8), used.height()),
                         Qt::AlignLeft | Qt::AlignTop, line.label);
    }
    return std::max(used.height(), painter.fontMetrics().height()) + theme().px(4);
}

void ArithmeticView::paintData(QPainter& painter, const QRect& area) {
    const QRect body = area.adjusted(theme().px(4), 0, -theme().px(4), 0);
    const auto labelWidthAt = [&](double size) {
        const QFontMetrics metrics(theme().textFont(std::min(size, 13.0)));
        int width = 0;
        for (const ArithmeticLine& line : m_lines)
            width = std::max(width, metrics.horizontalAdvance(line.label));
        return width > 0 ? width + theme().px(14) : 0;
    };
    // The largest type in which no line breaks; then the largest in which all lines fit.
    const auto fits = [&](double size, bool unbroken) {
        const QFontMetrics numbers(theme().numberFont(size));
        int height = 0;
        for (const ArithmeticLine& line : m_lines) {
            const int own = paintLine(painter, line, body, labelWidthAt(size), size, false);
            if (unbroken && own > 2 * numbers.height()) return false;
            height += own;
        }
        return height <= area.height();
    };
    constexpr double kSizes[] = {16, 15, 14, 13, 12, 11, 10};
    const auto* size = std::ranges::find_if(kSizes, [&](double s) { return fits(s, true); });
    if (size == std::end(kSizes))
        size = std::ranges::find_if(kSizes, [&](double s) { return s <= 13 && fits(s, false); });
    const double chosen = size == std::end(kSizes) ? 10 : *size;
    int top = body.top();
    for (const ArithmeticLine& line : m_lines) {
        const QRect place(body.left(), top, body.width(), std::max(1, body.bottom() - top));
        top += paintLine(painter, line, place, labelWidthAt(chosen), chosen, true);
        if (top > body.bottom()) return;
    }
}

PlotTable ArithmeticView::table() const {
    PlotTable table{{QStringLiteral("what"), QStringLiteral("numbers")}, {}};
    for (const ArithmeticLine& line : m_lines) table.rows.append({line.label, line.text});
    return table;
}

}  // namespace quantscope
