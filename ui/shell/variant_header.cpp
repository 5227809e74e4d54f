// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/variant_header.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QMouseEvent>
#include <QPainter>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {

VariantHeader::VariantHeader(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_menu(
          new IconButton(themes, IconButton::Icon::More, tr("Rename, duplicate, move, copy, remove"), this)),
      m_nameField(new QLineEdit(this)) {
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::PointingHandCursor);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_nameField->hide();
    connect(m_nameField, &QLineEdit::editingFinished, this, [this] {
        if (!m_nameField->isVisible()) return;
        m_nameField->hide();
        Q_EMIT renamed(m_nameField->text().trimmed());
    });
    connect(themes, &ThemeController::changed, this, [this] {
        updateGeometry();
        placeChildren();
        update();
    });
}

void VariantHeader::setVariant(const QColor& color, const QString& letter, const QString& title) {
    m_color = color;
    m_letter = letter;
    m_title = title;
    setAccessibleName(tr("Variant %1, %2").arg(letter, title));
    update();
}

void VariantHeader::setBits(const QString& bits) {
    if (bits == m_bits) return;
    m_bits = bits;
    update();
}

void VariantHeader::setOpen(bool open) {
    m_open = open;
    update();
}

void VariantHeader::setAlert(bool alert) {
    m_alert = alert;
    update();
}

void VariantHeader::beginRename(const QString& name) {
    m_nameField->setText(name);
    m_nameField->setPlaceholderText(m_title);
    m_nameField->show();
    m_nameField->setFocus();
    m_nameField->selectAll();
}

QSize VariantHeader::sizeHint() const {
    const Theme& theme = m_themes->theme();
    return {theme.px(200), theme.px(34)};
}

void VariantHeader::placeChildren() {
    const Theme& theme = m_themes->theme();
    const QSize button = m_menu->sizeHint();
    m_menu->setGeometry(width() - button.width() - theme.px(4), (height() - button.height()) / 2,
                        button.width(), button.height());
    m_nameField->setGeometry(theme.px(26), theme.px(4), width() - theme.px(34), height() - theme.px(8));
}

void VariantHeader::resizeEvent(QResizeEvent*) {
    placeChildren();
}

void VariantHeader::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const double side = theme.px(14);
    painter.setPen(Qt::NoPen);
    painter.setBrush(m_color);
    painter.drawRoundedRect(QRectF(theme.px(8), (height() - side) / 2, side, side), 3, 3);

    painter.setFont(theme.numberFont(11));
    const QString bits = m_bits.isEmpty() ? QString() : m_bits;
    const int bitsWidth = painter.fontMetrics().horizontalAdvance(bits);
    const int bitsRight = m_menu->x() - theme.px(2);
    painter.setPen(m_alert ? theme.bad : theme.mutedText);
    painter.drawText(QRect(bitsRight - bitsWidth, 0, bitsWidth, height()), Qt::AlignVCenter | Qt::AlignRight,
                     bits);

    painter.setFont(theme.textFont(13, m_open ? QFont::DemiBold : QFont::Normal));
    painter.setPen(theme.text);
    const int left = theme.px(30);
    const int room = bitsRight - bitsWidth - theme.px(8) - left;
    const QString text = m_letter + QLatin1Char(' ') + m_title;
    const QString shown = painter.fontMetrics().elidedText(text, Qt::ElideRight, room);
    painter.drawText(QRect(left, 0, room, height()), Qt::AlignVCenter | Qt::AlignLeft, shown);
    setToolTip(shown == text ? QString() : text);
    if (hasFocus()) {
        painter.setPen(theme.accent);
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1.5, 1.5, -1.5, -1.5), 4, 4);
    }
}

void VariantHeader::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && rect().contains(event->position().toPoint())) Q_EMIT toggled();
}

void VariantHeader::mouseDoubleClickEvent(QMouseEvent*) {
    Q_EMIT renameRequested();
}

void VariantHeader::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Return:
        case Qt::Key_Enter:
        case Qt::Key_Space:
            Q_EMIT toggled();
            return;
        case Qt::Key_F2:
            Q_EMIT renameRequested();
            return;
        default:
            QWidget::keyPressEvent(event);
    }
}

}  // namespace quantscope
