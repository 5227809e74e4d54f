// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/painting.h"

#include <QFontMetrics>
#include <algorithm>
#include <cmath>

namespace quantscope {

void FilledBars::paint(QPainter& painter, const QRect& area, const QColor& color) const {
    paint(painter, area, [&color](int) { return color; });
}

void FilledBars::paint(QPainter& painter, const QRect& area,
                       const std::function<QColor(int)>& colorOf) const {
    const int count = static_cast<int>(heights.size());
    const int right = area.right() + 1;
    int waitingLeft = 0;  // the pixel column bars narrower than a pixel share
    int tallest = -1;
    const auto flush = [&](int column) {
        if (tallest < 0) return;
        const int top =
            std::clamp(qRound(pixelY(heights[static_cast<size_t>(tallest)])), area.top(), baseline);
        if (top < baseline) painter.fillRect(column, top, 1, baseline - top, colorOf(tallest));
        tallest = -1;
    };
    for (int i = 0; i < count; ++i) {
        const double edge = firstEdge + width * i;
        const int left = qRound(pixelX(edge));
        const int next = qRound(pixelX(edge + width));
        if (next < area.left() || left > right ||
            !(heights[static_cast<size_t>(i)] == heights[static_cast<size_t>(i)]))
            continue;
        if (left != waitingLeft) {
            flush(waitingLeft);
            waitingLeft = left;
        }
        if (next <= left) {
            if (tallest < 0 || heights[static_cast<size_t>(i)] > heights[static_cast<size_t>(tallest)])
                tallest = i;
            continue;
        }
        if (tallest >= 0 && heights[static_cast<size_t>(tallest)] > heights[static_cast<size_t>(i)]) {
            flush(left);  // a taller bar already owns this pixel, and the pixel is all this bar has
            continue;
        }
        tallest = -1;
        const int from = std::max(left, area.left());
        const int shrink = gaps && next - left >= 4 ? 1 : 0;
        const int to = std::min(next - shrink, right);
        const int top = std::clamp(qRound(pixelY(heights[static_cast<size_t>(i)])), area.top(), baseline);
        if (to > from && top < baseline) painter.fillRect(from, top, to - from, baseline - top, colorOf(i));
    }
    flush(waitingLeft);
}

void drawTag(QPainter& painter, const Theme& theme, const QFont& font, const QPoint& anchor,
             const QString& text, const QRect& area) {
    const QFontMetrics metrics(font);
    const int padding = theme.px(4);
    const QSize size(metrics.horizontalAdvance(text) + 2 * padding, metrics.height() + theme.px(2));
    int left = anchor.x() + theme.px(3);
    if (left + size.width() > area.right()) left = anchor.x() - theme.px(3) - size.width();
    left = std::max(left, area.left());
    const QRect box(QPoint(left, anchor.y()), size);
    painter.fillRect(box, theme.card);
    painter.setPen(theme.text);
    painter.setFont(font);
    painter.drawText(box, Qt::AlignCenter, text);
}

void drawNote(QPainter& painter, const Theme& theme, const QPointF& point, const QStringList& lines,
              const QRect& area) {
    const QFont first = theme.textFont(12, QFont::DemiBold);
    const QFont rest = theme.numberFont(11);
    const int padding = theme.px(6);
    const int height = QFontMetrics(first).height();
    int width = 0;
    for (int i = 0; i < lines.size(); ++i)
        width = std::max(width, QFontMetrics(i == 0 ? first : rest).horizontalAdvance(lines[i]));
    const QSize size(width + 2 * padding, static_cast<int>(lines.size()) * height + 2 * padding);
    const int away = theme.px(12);
    QPoint corner(qRound(point.x()) + away, qRound(point.y()) - size.height() / 2);
    if (corner.x() + size.width() > area.right()) corner.setX(qRound(point.x()) - away - size.width());
    corner.setX(std::clamp(corner.x(), area.left(), std::max(area.left(), area.right() - size.width())));
    corner.setY(std::clamp(corner.y(), area.top(), std::max(area.top(), area.bottom() - size.height())));
    painter.fillRect(QRect(corner, size), theme.controlBorder);
    painter.fillRect(QRect(corner, size).adjusted(1, 1, -1, -1), theme.card);
    painter.setPen(theme.text);
    for (int i = 0; i < lines.size(); ++i) {
        painter.setFont(i == 0 ? first : rest);
        painter.drawText(QRect(corner.x() + padding, corner.y() + padding + i * height, width, height),
                         Qt::AlignLeft | Qt::AlignVCenter, lines[i]);
    }
}

void drawTextOn(QPainter& painter, const Theme& theme, const QFont& font, const QRect& box,
                Qt::Alignment alignment, const QString& text, const QColor& color) {
    const QFontMetrics metrics(font);
    const QRect used = metrics.boundingRect(box, static_cast<int>(alignment), text).adjusted(-2, 0, 2, 0);
    painter.fillRect(used, theme.card);
    painter.setFont(font);
    painter.setPen(color);
    painter.drawText(box, static_cast<int>(alignment), text);
}

void drawUpwards(QPainter& painter, const QFont& font, const QRect& box, const QString& text,
                 const QColor& fill) {
    const double luma = 0.299 * fill.redF() + 0.587 * fill.greenF() + 0.114 * fill.blueF();
    painter.save();
    painter.setFont(font);
    painter.setPen(luma > 0.5 ? Qt::black : Qt::white);
    painter.translate(box.left(), box.bottom() + 1);
    painter.rotate(-90);
    painter.drawText(QRect(0, 0, box.height(), box.width()), Qt::AlignRight | Qt::AlignVCenter, text);
    painter.restore();
}

void drawSentence(QPainter& painter, const Theme& theme, const QRect& area, const QString& text) {
    painter.setFont(theme.textFont(13));
    painter.setPen(theme.mutedText);
    painter.drawText(area.adjusted(theme.px(8), 0, -theme.px(8), 0), Qt::AlignCenter | Qt::TextWordWrap,
                     text);
}

QColor previewColor(const QColor& color, const Theme& theme) {
    return mixed(color, theme.card, 0.5);
}

QColor readable(const QColor& color, const Theme& theme) {
    const double luma = 0.299 * color.redF() + 0.587 * color.greenF() + 0.114 * color.blueF();
    if (!theme.isDark && luma > 0.5) return mixed(color, theme.text, 0.72);
    if (theme.isDark && luma < 0.45) return mixed(color, theme.text, 0.6);
    return color;
}

}  // namespace quantscope
