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
        chooseLines();
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
    chooseLines();
    update();
}

void VariantHeader::setBits(const QString& bits) {
    if (bits == m_bits) return;
    m_bits = bits;
    chooseLines();
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
    return {theme.px(200), theme.px(m_twoLines ? 48 : 34)};
}

/// A long title takes the whole line and the bits go below it.
void VariantHeader::chooseLines() {
    const Theme& theme = m_themes->theme();
    const QFontMetrics title(theme.textFont(13, QFont::DemiBold));
    const QFontMetrics bits(theme.numberFont(11));
    const int needed = title.horizontalAdvance(wholeTitle()) + bits.horizontalAdvance(m_bits);
    const int room = width() - m_menu->sizeHint().width() - theme.px(4 + 2 + 8 + 30);
    const bool two = width() > 0 && needed > room;
    if (two == m_twoLines) return;
    m_twoLines = two;
    updateGeometry();
    placeChildren();
}

QString VariantHeader::wholeTitle() const {
    return m_letter + QLatin1Char(' ') + m_title;
}

void VariantHeader::placeChildren() {
    const Theme& theme = m_themes->theme();
    const QSize button = m_menu->sizeHint();
    m_menu->setGeometry(width() - button.width() - theme.px(4), (height() - button.height()) / 2,
                        button.width(), button.height());
    m_nameField->setGeometry(theme.px(26), theme.px(4), width() - theme.px(34), height() - theme.px(8));
}

void VariantHeader::resizeEvent(QResizeEvent*) {
    chooseLines();
    placeChildren();
}

void VariantHeader::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const double side = theme.px(14);
    painter.setPen(Qt::NoPen);
    painter.setBrush(m_color);
    painter.drawRoundedRect(
        QRectF(theme.px(8), ((m_twoLines ? theme.px(28) + theme.px(4) : height()) - side) / 2, side, side), 3,
        3);

    const int left = theme.px(30);
    const int right = m_menu->x() - theme.px(2);
    const int firstLine = m_twoLines ? theme.px(28) : height();
    painter.setFont(theme.numberFont(11));
    const int bitsWidth = m_bits.isEmpty() ? 0 : painter.fontMetrics().horizontalAdvance(m_bits);
    painter.setPen(m_alert ? theme.bad : theme.mutedText);
    if (m_twoLines)
        painter.drawText(QRect(left, theme.px(25), right - left, theme.px(18)),
                         Qt::AlignVCenter | Qt::AlignLeft, m_bits);
    else
        painter.drawText(QRect(right - bitsWidth, 0, bitsWidth, height()), Qt::AlignVCenter | Qt::AlignRight,
                         m_bits);

    painter.setFont(theme.textFont(13, m_open ? QFont::DemiBold : QFont::Normal));
    painter.setPen(theme.text);
    const int room = m_twoLines ? right - left : right - bitsWidth - theme.px(8) - left;
    const QString text = wholeTitle();
    const QString shown = painter.fontMetrics().elidedText(text, Qt::ElideRight, room);
    painter.drawText(QRect(left, m_twoLines ? theme.px(2) : 0, room, firstLine),
                     Qt::AlignVCenter | Qt::AlignLeft, shown);
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
