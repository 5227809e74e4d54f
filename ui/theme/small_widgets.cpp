// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/small_widgets.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "theme/theme_controller.h"

namespace quantscope {

ElidedLabel::ElidedLabel(ThemeController* themes, Role role, QWidget* parent)
    : QWidget(parent), m_themes(themes), m_role(role) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    connect(themes, &ThemeController::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void ElidedLabel::setText(const QString& text) {
    if (text == m_text) return;
    m_text = text;
    setAccessibleName(text);
    updateGeometry();
    update();
}

void ElidedLabel::setAlignment(Qt::Alignment alignment) {
    m_alignment = alignment;
    update();
}

void ElidedLabel::setElideMode(Qt::TextElideMode mode) {
    m_elide = mode;
    update();
}

void ElidedLabel::setDropsWhenCut(bool drops) {
    m_dropsWhenCut = drops;
    update();
}

QString ElidedLabel::fitted(const QFontMetrics& metrics) const {
    QString text = m_text;
    for (qsizetype cut = 0; cut >= 0 && metrics.horizontalAdvance(text) > width();) {
        cut = text.lastIndexOf(QStringLiteral(" · "));
        if (cut > 0) text.truncate(cut);
    }
    const int needed = metrics.horizontalAdvance(text);
    if (m_dropsWhenCut && needed > width()) return {};
    return metrics.elidedText(text, m_elide, width());
}

QFont ElidedLabel::roleFont() const {
    const Theme& theme = m_themes->theme();
    switch (m_role) {
        case Role::Title:
            return theme.textFont(13, QFont::DemiBold);
        case Role::Muted:
            return theme.textFont(11.5);
        case Role::Number:
            return theme.numberFont(12);
        case Role::MutedNumber:
            return theme.numberFont(11);
        case Role::Normal:
            break;
    }
    return theme.textFont(13);
}

QSize ElidedLabel::sizeHint() const {
    const QFontMetrics metrics(roleFont());
    return {metrics.horizontalAdvance(m_text) + 2, metrics.height() + 2};
}

QSize ElidedLabel::minimumSizeHint() const {
    return {0, sizeHint().height()};
}

void ElidedLabel::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    const bool muted = m_role == Role::Muted || m_role == Role::MutedNumber;
    QPainter painter(this);
    painter.setFont(roleFont());
    painter.setPen(muted ? theme.mutedText : theme.text);
    painter.drawText(rect(), static_cast<int>(m_alignment | Qt::TextSingleLine),
                     fitted(painter.fontMetrics()));
}

bool ElidedLabel::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const bool cut = QFontMetrics(roleFont()).horizontalAdvance(m_text) > width();
        const QString tip = toolTip().isEmpty() && cut ? m_text : toolTip();
        if (tip.isEmpty()) {
            QToolTip::hideText();
        } else {
            QToolTip::showText(help->globalPos(), tip, this);
        }
        return true;
    }
    return QWidget::event(event);
}

SlimProgressBar::SlimProgressBar(ThemeController* themes, QWidget* parent)
    : QWidget(parent), m_themes(themes) {
    constexpr int kAppearMs = 150;
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_appear.setSingleShot(true);
    m_appear.setInterval(kAppearMs);
    connect(&m_appear, &QTimer::timeout, this, [this] {
        m_visibleLine = m_fraction >= 0;
        update();
    });
    connect(themes, &ThemeController::changed, this, qOverload<>(&QWidget::update));
}

void SlimProgressBar::setFraction(double fraction) {
    m_fraction = std::min(fraction, 1.0);
    if (m_fraction < 0) {
        m_appear.stop();
        m_visibleLine = false;
    } else if (!m_visibleLine && !m_appear.isActive()) {
        m_appear.start();
    }
    update();
}

QSize SlimProgressBar::sizeHint() const {
    return {40, 3};
}

void SlimProgressBar::paintEvent(QPaintEvent*) {
    if (!m_visibleLine) return;
    QPainter painter(this);
    painter.fillRect(rect(), m_themes->theme().field);
    painter.fillRect(QRect(0, 0, static_cast<int>(width() * m_fraction), height()), m_themes->theme().accent);
}

}  // namespace quantscope
