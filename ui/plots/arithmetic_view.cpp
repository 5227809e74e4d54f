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
        painter.setFont(theme().textFont(std::min(size, 13.0)));
        painter.setPen(theme().mutedText);
        painter.drawText(QRect(place.left(), place.top(), labelWidth - theme().px(8), used.height()),
                         Qt::AlignLeft | Qt::AlignTop, line.label);
    }
    return std::max(used.height(), painter.fontMetrics().height()) + theme().px(4);
}

int ArithmeticView::labelWidthAt(double size) const {
    const QFontMetrics metrics(theme().textFont(std::min(size, 13.0)));
    int width = 0;
    for (const ArithmeticLine& line : m_lines) width = std::max(width, metrics.horizontalAdvance(line.label));
    return width > 0 ? width + theme().px(14) : 0;
}

/// False when the lines do not fit (or one breaks and must not).
bool ArithmeticView::layOut(QPainter& painter, const QRect& body, double size, int columns, bool unbroken,
                            bool draw) const {
    const int gap = theme().px(24);
    const int width = (body.width() - gap * (columns - 1)) / columns;
    const int label = labelWidthAt(size);
    const int lineHeight = QFontMetrics(theme().numberFont(size)).height();
    int column = 0;
    int top = body.top();
    for (const ArithmeticLine& line : m_lines) {
        QRect place(body.left() + column * (width + gap), top, width, body.height());
        const int height = paintLine(painter, line, place, label, size, false);
        if (unbroken && height > 2 * lineHeight) return false;
        if (top + height > body.bottom() + theme().px(6)) {
            if (++column == columns) return false;
            top = body.top();
            place.moveTopLeft({body.left() + column * (width + gap), top});
        }
        if (draw) paintLine(painter, line, place, label, size, true);
        top += height;
    }
    return true;
}

void ArithmeticView::paintData(QPainter& painter, const QRect& area) {
    const QRect body = area.adjusted(theme().px(4), 0, -theme().px(4), 0);
    // The largest type in which no line breaks; then the largest in which all lines fit.
    for (const bool unbroken : {true, false}) {
        for (const double size : {16.0, 15.0, 14.0, 13.0, 12.0, 11.0, 10.0}) {
            if (unbroken && size < 12) break;
            if (!unbroken && size > 13) continue;
            for (const int columns : {1, 2}) {
                if (!layOut(painter, body, size, columns, unbroken, false)) continue;
                layOut(painter, body, size, columns, unbroken, true);
                return;
            }
        }
    }
    layOut(painter, body, 10, 2, false, true);
}

PlotTable ArithmeticView::table() const {
    PlotTable table{{QStringLiteral("what"), QStringLiteral("numbers")}, {}};
    for (const ArithmeticLine& line : m_lines) table.rows.append({line.label, line.text});
    return table;
}

}  // namespace quantscope
