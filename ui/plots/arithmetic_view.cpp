// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/arithmetic_view.h"

#include <QPainter>
#include <algorithm>

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
        painter.setFont(theme().textFont(std::min(size, 12.0)));
        painter.setPen(theme().mutedText);
        painter.drawText(QRect(place.left(), place.top(), labelWidth - theme().px(8), used.height()),
                         Qt::AlignLeft | Qt::AlignTop, line.label);
    }
    return std::max(used.height(), painter.fontMetrics().height()) + theme().px(4);
}

void ArithmeticView::paintData(QPainter& painter, const QRect& area) {
    const QRect body = area.adjusted(theme().px(4), 0, -theme().px(4), 0);
    // Type gives way before lines are lost.
    for (const double size : {13.0, 12.0, 11.0, 10.0}) {
        int labelWidth = 0;
        const QFontMetrics metrics(theme().textFont(std::min(size, 12.0)));
        for (const ArithmeticLine& line : m_lines)
            labelWidth = std::max(labelWidth, metrics.horizontalAdvance(line.label));
        if (labelWidth > 0) labelWidth += theme().px(14);
        int height = 0;
        for (const ArithmeticLine& line : m_lines)
            height += paintLine(painter, line, body, labelWidth, size, false);
        if (height > area.height() && size > 10.0) continue;
        int top = body.top();
        for (const ArithmeticLine& line : m_lines) {
            top += paintLine(painter, line,
                             QRect(body.left(), top, body.width(), std::max(1, body.bottom() - top)),
                             labelWidth, size, true);
            if (top > body.bottom()) break;
        }
        return;
    }
}

PlotTable ArithmeticView::table() const {
    PlotTable table{{QStringLiteral("what"), QStringLiteral("numbers")}, {}};
    for (const ArithmeticLine& line : m_lines) table.rows.append({line.label, line.text});
    return table;
}

}  // namespace quantscope
