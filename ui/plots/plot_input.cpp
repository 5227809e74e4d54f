// SPDX-License-Identifier: GPL-3.0-or-later
// Mouse, wheel and keys of PlotView: one place, so that every plot answers alike.
#include <qcustomplot.h>

#include <QApplication>
#include <QKeyEvent>
#include <cmath>

#include "plots/plot_view.h"

namespace quantscope {

namespace {

/// Moves or scales a range in the axis' own measure (logarithmic axes in decades).
AxisRange scaled(const QCPAxis* axis, double factor, double centre) {
    const QCPRange range = axis->range();
    if (axis->scaleType() == QCPAxis::stLogarithmic) {
        return {centre * std::pow(range.lower / centre, factor),
                centre * std::pow(range.upper / centre, factor)};
    }
    return {centre + (range.lower - centre) * factor, centre + (range.upper - centre) * factor};
}

AxisRange between(const QCPAxis* axis, double pixelA, double pixelB) {
    const double a = axis->pixelToCoord(pixelA);
    const double b = axis->pixelToCoord(pixelB);
    return {std::min(a, b), std::max(a, b)};
}

/// The range that brings the data under `from` to the pixel `to`.
AxisRange shifted(const QCPAxis* axis, const AxisRange& start, double from, double to) {
    const double length =
        axis->orientation() == Qt::Horizontal ? axis->axisRect()->width() : axis->axisRect()->height();
    double share = (from - to) / std::max(1.0, length);
    if (axis->orientation() == Qt::Vertical) share = -share;
    if (axis->rangeReversed()) share = -share;
    if (axis->scaleType() == QCPAxis::stLogarithmic) {
        const double factor = std::pow(start.upper / start.lower, share);
        return {start.lower * factor, start.upper * factor};
    }
    return {start.lower + share * start.size(), start.upper + share * start.size()};
}

}  // namespace

bool PlotView::eventFilter(QObject* watched, QEvent* event) {
    if (watched != m_plot) return QWidget::eventFilter(watched, event);
    switch (event->type()) {
        case QEvent::MouseButtonPress:
        case QEvent::MouseButtonRelease:
        case QEvent::MouseMove:
        case QEvent::MouseButtonDblClick:
        case QEvent::Leave:
            return handleMouse(event);
        case QEvent::Wheel:
            return handleWheel(static_cast<QWheelEvent*>(event));
        case QEvent::ContextMenu:
            buildMenu(static_cast<QContextMenuEvent*>(event)->globalPos());
            return true;
        default:
            return false;
    }
}

bool PlotView::handleMouse(QEvent* event) {
    if (event->type() == QEvent::Leave) {
        setCrosshair(std::nullopt, true);
        hoverLeft();
        requestOverlay();
        Q_EMIT hovered(QString());
        return false;
    }
    auto* mouse = static_cast<QMouseEvent*>(event);
    if (event->type() == QEvent::MouseButtonDblClick) {
        m_drag.reset();
        resetZoom();
        return true;
    }
    if (event->type() == QEvent::MouseButtonPress) return handlePress(mouse);
    if (event->type() == QEvent::MouseMove) return handleMove(mouse);
    return handleRelease(mouse);
}

bool PlotView::handlePress(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton) return true;
    Drag drag;
    drag.start = drag.current = event->pos();
    drag.x = xRange();
    drag.y = yRange();
    const bool shift = event->modifiers().testFlag(Qt::ShiftModifier);
    if (event->button() == Qt::LeftButton && pressed(event->position())) {
        drag.kind = Drag::Kind::Own;
    } else {
        const bool pans = event->button() == Qt::MiddleButton || (shift != m_dragPans);
        drag.kind = pans ? Drag::Kind::Pan : Drag::Kind::Rectangle;
    }
    m_drag = drag;
    return true;
}

bool PlotView::handleMove(QMouseEvent* event) {
    const QPointF position = event->position();
    if (m_drag) {
        m_drag->current = event->pos();
        if ((m_drag->current - m_drag->start).manhattanLength() >= QApplication::startDragDistance() / 2)
            m_drag->moved = true;
        if (m_drag->kind == Drag::Kind::Own)
            dragged(position);
        else if (m_zoomAxes != ZoomAxes::None && m_drag->kind == Drag::Kind::Pan && m_drag->moved)
            panTo(event->pos());
    }
    if (m_crosshairEnabled && plotArea().contains(event->pos()))
        setCrosshair(QPointF(xAt(position.x()), yAt(position.y())), true);
    else
        setCrosshair(std::nullopt, true);
    hoverMoved(position);
    requestOverlay();
    Q_EMIT hovered(plotArea().contains(event->pos()) ? hoverText(xAt(position.x()), yAt(position.y()))
                                                     : QString());
    return true;
}

bool PlotView::handleRelease(QMouseEvent* event) {
    if (!m_drag) return true;
    const Drag drag = *m_drag;
    m_drag.reset();
    if (drag.kind == Drag::Kind::Own) {
        released(event->position());
    } else if (!drag.moved) {
        if (event->button() == Qt::LeftButton) clicked(event->position());
    } else if (drag.kind == Drag::Kind::Rectangle && m_zoomAxes != ZoomAxes::None) {
        const QRect box = QRect(drag.start, drag.current).normalized().intersected(plotArea());
        const bool wide = box.width() > 4;
        const bool tall = box.height() > 4;
        const bool both = m_zoomAxes == ZoomAxes::Both;
        if (wide && (!both || tall))
            zoomTo(between(m_plot->xAxis, box.left(), box.right()),
                   both ? between(m_plot->yAxis, box.top(), box.bottom()) : yRange());
    }
    requestOverlay();
    return true;
}

void PlotView::panTo(const QPoint& position) {
    const AxisRange x = shifted(m_plot->xAxis, m_drag->x, m_drag->start.x(), position.x());
    const AxisRange y = m_zoomAxes == ZoomAxes::Both
                            ? shifted(m_plot->yAxis, m_drag->y, m_drag->start.y(), position.y())
                            : yRange();
    zoomTo(x, y);
}

bool PlotView::handleWheel(QWheelEvent* event) {
    const double steps = event->angleDelta().y() / 120.0;
    const bool plain = event->modifiers() == Qt::NoModifier;
    // Without a modifier an unzoomed plot leaves the wheel to the scrolling page when turned "out".
    if (m_zoomAxes == ZoomAxes::None || steps == 0 || (plain && steps < 0 && !m_zoomed)) {
        event->ignore();
        return false;
    }
    zoomBy(std::pow(0.8, steps), event->position(), event->modifiers().testFlag(Qt::ShiftModifier));
    event->accept();
    return true;
}

void PlotView::zoomBy(double factor, const QPointF& centre, bool xOnly) {
    const AxisRange x = scaled(m_plot->xAxis, factor, xAt(centre.x()));
    const bool both = m_zoomAxes == ZoomAxes::Both && !xOnly;
    zoomTo(x, both ? scaled(m_plot->yAxis, factor, yAt(centre.y())) : yRange());
}

void PlotView::keyPressEvent(QKeyEvent* event) {
    if (!handleKey(event)) QWidget::keyPressEvent(event);
}

bool PlotView::handleKey(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        copyPicture();
        return true;
    }
    if (m_zoomAxes == ZoomAxes::None) return false;
    const QPointF centre = plotArea().center();
    const double step = plotArea().width() * 0.1;
    switch (event->key()) {
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            zoomBy(0.8, centre, false);
            return true;
        case Qt::Key_Minus:
            if (m_zoomed) zoomBy(1.25, centre, false);
            return true;
        case Qt::Key_Home:
        case Qt::Key_0:
            resetZoom();
            return true;
        case Qt::Key_Left:
        case Qt::Key_Right:
            if (!m_zoomed) return false;
            zoomTo(shifted(m_plot->xAxis, xRange(), 0, event->key() == Qt::Key_Left ? step : -step),
                   yRange());
            return true;
        default:
            return false;
    }
}

}  // namespace quantscope
