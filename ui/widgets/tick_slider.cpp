// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/tick_slider.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>
#include <atomic>
#include <cmath>

#include "theme/theme_controller.h"
#include "widgets/edit_origin.h"

namespace quantscope {
namespace {

constexpr double kKnobRadius = 6;
constexpr double kMargin = 8;
constexpr double kTrackY = 9;

}  // namespace

int nextDrag() {
    static std::atomic<int> count{0};
    return ++count;
}

TickSlider::TickSlider(ThemeController* themes, QWidget* parent)
    : QWidget(parent), m_themes(themes), m_color(themes->theme().accent) {
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(themes, &ThemeController::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void TickSlider::setPositions(int count, const QStringList& labels) {
    m_count = std::max(2, count);
    m_labels = labels;
    m_position = std::min(m_position, m_count - 1);
    update();
}

void TickSlider::setPosition(int position) {
    m_position = std::clamp(position, 0, m_count - 1);
    update();
}

void TickSlider::setColor(const QColor& color) {
    m_color = color;
    update();
}

QSize TickSlider::sizeHint() const {
    const Theme& theme = m_themes->theme();
    return {theme.px(110), theme.px(m_labels.isEmpty() ? 20 : 34)};
}

QSize TickSlider::minimumSizeHint() const {
    const QSize whole = sizeHint();
    return m_labels.isEmpty() ? QSize(m_themes->theme().px(44), whole.height()) : whole;
}

double TickSlider::xOf(int position) const {
    const double margin = m_themes->theme().px(kMargin);
    return margin + (width() - 2 * margin) * position / (m_count - 1);
}

int TickSlider::positionAt(double x) const {
    const double margin = m_themes->theme().px(kMargin);
    const double span = std::max(1.0, width() - 2 * margin);
    return std::clamp(static_cast<int>(std::lround((x - margin) / span * (m_count - 1))), 0, m_count - 1);
}

void TickSlider::moveTo(int position) {
    position = std::clamp(position, 0, m_count - 1);
    if (position == m_position) return;
    m_position = position;
    update();
    Q_EMIT moved(position, m_drag);
}

void TickSlider::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const double y = theme.px(kTrackY);
    painter.setPen(QPen(theme.controlBorder, theme.px(3), Qt::SolidLine, Qt::RoundCap));
    painter.drawLine(QPointF(xOf(0), y), QPointF(xOf(m_count - 1), y));

    painter.setFont(theme.numberFont(10.5));
    for (int i = 0; i < std::min<int>(m_count, static_cast<int>(m_labels.size())); ++i) {
        if (m_labels[i].isEmpty()) continue;
        painter.setPen(QPen(theme.axis, 1));
        painter.drawLine(QPointF(xOf(i), y + theme.px(5)), QPointF(xOf(i), y + theme.px(8)));
        painter.setPen(i == m_position ? theme.text : theme.mutedText);
        const double half = theme.px(16);
        painter.drawText(QRectF(xOf(i) - half, y + theme.px(8), 2 * half, theme.px(16)), Qt::AlignCenter,
                         m_labels[i]);
    }
    painter.setPen(hasFocus() ? QPen(theme.text, 1.5) : QPen(theme.card, 1));
    painter.setBrush(isEnabled() ? m_color : theme.disabledText);
    painter.drawEllipse(QPointF(xOf(m_position), y), theme.px(kKnobRadius), theme.px(kKnobRadius));
}

void TickSlider::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    m_drag = nextDrag();
    moveTo(positionAt(event->position().x()));
}

void TickSlider::mouseMoveEvent(QMouseEvent* event) {
    if (m_drag != 0) moveTo(positionAt(event->position().x()));
}

void TickSlider::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) m_drag = 0;
}

void TickSlider::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Left:
        case Qt::Key_Down:
            return moveTo(m_position - 1);
        case Qt::Key_Right:
        case Qt::Key_Up:
            return moveTo(m_position + 1);
        case Qt::Key_Home:
            return moveTo(0);
        case Qt::Key_End:
            return moveTo(m_count - 1);
        default:
            QWidget::keyPressEvent(event);
    }
}

void TickSlider::wheelEvent(QWheelEvent* event) {
    if (!hasFocus()) return event->ignore();
    moveTo(m_position + (event->angleDelta().y() > 0 ? 1 : -1));
}

}  // namespace quantscope
