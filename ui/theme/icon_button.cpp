// SPDX-License-Identifier: GPL-3.0-or-later
#include <QEnterEvent>
#include <QPainter>
#include <QPainterPath>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

using Icon = IconButton::Icon;

/// Draws on a 16 x 16 field with the pen set; `fill` is the pen's colour.
void drawArrow(QPainter& painter, bool mirrored) {
    if (mirrored) {
        painter.translate(16, 0);
        painter.scale(-1, 1);
    }
    QPainterPath path(QPointF(5.5, 2.5));
    path.lineTo(2.5, 5.5);
    path.lineTo(5.5, 8.5);
    path.moveTo(2.5, 5.5);
    path.lineTo(9.5, 5.5);
    path.arcTo(QRectF(5.5, 5.5, 8, 8), 90, -180);
    path.lineTo(6, 13.5);
    painter.drawPath(path);
}

void drawChevron(QPainter& painter, bool up) {
    const double tip = up ? 5.5 : 10.5;
    const double base = up ? 10.5 : 5.5;
    painter.drawPolyline(QPolygonF({QPointF(3.5, base), QPointF(8, tip), QPointF(12.5, base)}));
}

void drawSun(QPainter& painter) {
    painter.drawEllipse(QPointF(8, 8), 3, 3);
    for (int i = 0; i < 8; ++i) {
        painter.save();
        painter.translate(8, 8);
        painter.rotate(45.0 * i);
        painter.drawLine(QPointF(0, 5.2), QPointF(0, 7));
        painter.restore();
    }
}

void drawMoon(QPainter& painter) {
    QPainterPath disc;
    disc.addEllipse(QPointF(8, 8), 6, 6);
    QPainterPath bite;
    bite.addEllipse(QPointF(11, 6), 5, 5);
    painter.drawPath(disc.subtracted(bite));
}

void drawIcon(QPainter& painter, Icon icon) {
    switch (icon) {
        case Icon::Help:
            painter.drawEllipse(QRectF(2, 2, 12, 12));
            painter.drawText(QRectF(2, 2, 12, 12), Qt::AlignCenter, QStringLiteral("?"));
            return;
        case Icon::Add:
            painter.drawLine(QPointF(8, 3), QPointF(8, 13));
            painter.drawLine(QPointF(3, 8), QPointF(13, 8));
            return;
        case Icon::Close:
            painter.drawLine(QPointF(4, 4), QPointF(12, 12));
            painter.drawLine(QPointF(12, 4), QPointF(4, 12));
            return;
        case Icon::Copy:
            painter.drawRoundedRect(QRectF(2.5, 2.5, 8, 9), 1.5, 1.5);
            painter.drawPolyline(
                QPolygonF({QPointF(12.5, 5), QPointF(13.5, 5), QPointF(13.5, 13.5), QPointF(6, 13.5)}));
            return;
        case Icon::Duplicate:
            painter.drawRoundedRect(QRectF(2.5, 2.5, 8, 8), 1.5, 1.5);
            painter.drawRoundedRect(QRectF(5.5, 5.5, 8, 8), 1.5, 1.5);
            return;
        case Icon::More:
            for (const double x : {3.5, 8.0, 12.5}) painter.drawEllipse(QPointF(x, 8), 0.7, 0.7);
            return;
        case Icon::Undo:
            return drawArrow(painter, false);
        case Icon::Redo:
            return drawArrow(painter, true);
        case Icon::Sun:
            return drawSun(painter);
        case Icon::Moon:
            return drawMoon(painter);
        case Icon::Present:
            painter.drawRoundedRect(QRectF(1.5, 2.5, 13, 8.5), 1, 1);
            painter.drawLine(QPointF(8, 11), QPointF(8, 13.5));
            painter.drawLine(QPointF(5, 13.5), QPointF(11, 13.5));
            return;
        case Icon::Up:
            return drawChevron(painter, true);
        case Icon::Down:
            return drawChevron(painter, false);
        case Icon::Reset:
            painter.drawArc(QRectF(3, 3, 10, 10), 60 * 16, 290 * 16);
            painter.drawPolyline(QPolygonF({QPointF(10, 1.5), QPointF(11, 4), QPointF(8.5, 5.2)}));
            return;
        case Icon::Save:
            painter.drawLine(QPointF(8, 2.5), QPointF(8, 10));
            painter.drawPolyline(QPolygonF({QPointF(5, 7), QPointF(8, 10), QPointF(11, 7)}));
            painter.drawLine(QPointF(3, 13.5), QPointF(13, 13.5));
            return;
        case Icon::Stop:
            painter.drawRoundedRect(QRectF(4, 4, 8, 8), 1, 1);
            return;
    }
}

}  // namespace

IconButton::IconButton(ThemeController* themes, Icon icon, const QString& tip, QWidget* parent)
    : QAbstractButton(parent), m_themes(themes), m_icon(icon) {
    setToolTip(tip);
    setAccessibleName(tip);
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::ArrowCursor);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(themes, &ThemeController::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void IconButton::setIconKind(Icon icon) {
    m_icon = icon;
    update();
}

QSize IconButton::sizeHint() const {
    const int side = m_themes->theme().px(24);
    return {side, side};
}

void IconButton::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool hot = underMouse() && isEnabled();
    if (hot || isChecked() || isDown()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(isDown() ? theme.selection : theme.hover);
        painter.drawRoundedRect(rect(), 4, 4);
    }
    if (hasFocus()) {
        painter.setPen(theme.accent);
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    }
    const QColor colour = !isEnabled() ? theme.disabledText : hot ? theme.text : theme.mutedText;
    painter.setPen(QPen(colour, 1.3, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter.setBrush(Qt::NoBrush);
    const double zoom = theme.px(16) / 16.0;
    painter.translate((width() - 16 * zoom) / 2, (height() - 16 * zoom) / 2);
    painter.scale(zoom, zoom);
    QFont font = theme.textFont(9, QFont::DemiBold);
    font.setPixelSize(9);
    painter.setFont(font);
    drawIcon(painter, m_icon);
}

void IconButton::enterEvent(QEnterEvent* event) {
    QAbstractButton::enterEvent(event);
    update();
}

void IconButton::leaveEvent(QEvent* event) {
    QAbstractButton::leaveEvent(event);
    update();
}

}  // namespace quantscope
