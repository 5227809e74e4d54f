// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/card.h"

#include <QBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QStackedLayout>
#include <QStyle>
#include <QWhatsThis>
#include <algorithm>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {

Card::Card(ThemeController* themes, const QString& title, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_title(new ElidedLabel(themes, ElidedLabel::Role::Title)),
      m_subtitle(new ElidedLabel(themes, ElidedLabel::Role::Muted)),
      m_helpButton(new IconButton(themes, IconButton::Icon::Help, tr("What am I looking at?"))),
      m_progress(new SlimProgressBar(themes)),
      m_header(new QWidget),
      m_body(new QWidget),
      m_stack(new QStackedLayout(m_body)),
      m_messagePage(new QWidget),
      m_message(new QLabel),
      m_fix(new QLabel) {
    m_title->setText(title);
    m_subtitle->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_subtitle->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_helpButton->hide();
    connect(m_helpButton, &IconButton::clicked, this, &Card::showHelp);

    auto* headerRow = new QHBoxLayout(m_header);
    headerRow->setContentsMargins(0, 0, 0, 0);
    headerRow->addWidget(m_title);
    m_subtitle->setDropsWhenCut(true);
    headerRow->addWidget(m_subtitle, 1);
    headerRow->addWidget(m_helpButton);

    for (QLabel* label : {m_message, m_fix}) {
        label->setWordWrap(true);
        label->setAlignment(Qt::AlignCenter);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    m_fix->setProperty("look", "muted");
    auto* messages = new QVBoxLayout(m_messagePage);
    messages->addStretch();
    messages->addWidget(m_message);
    messages->addWidget(m_fix);
    messages->addStretch();
    m_stack->addWidget(m_messagePage);

    auto* column = new QVBoxLayout(this);
    column->addWidget(m_header);
    column->addWidget(m_progress);
    column->addWidget(m_body, 1);
    connect(themes, &ThemeController::changed, this, &Card::applyTheme);
    applyTheme();
}

void Card::applyTheme() {
    const Theme& theme = m_themes->theme();
    layout()->setContentsMargins(theme.px(12), theme.px(7), theme.px(10), theme.px(9));
    layout()->setSpacing(theme.px(3));
    m_header->setMinimumHeight(theme.px(24));
    m_header->layout()->setSpacing(theme.px(8));
    fitHeader();
    update();
}

void Card::setContent(QWidget* content) {
    if (m_content) {
        m_stack->removeWidget(m_content);
        m_content->deleteLater();
    }
    m_content = content;
    m_stack->addWidget(content);
    showContent();
}

void Card::setTitle(const QString& title) {
    m_title->setText(title);
    fitHeader();
}

void Card::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitHeader();
}

/// The title stays readable: in a narrow card the help moves to the plot's menu and Shift+F1.
void Card::fitHeader() {
    const bool narrow = width() < m_themes->theme().px(220);
    m_helpButton->setVisible(!m_help.isEmpty() && !narrow);
    m_title->setMinimumWidth(std::min(m_title->sizeHint().width(), width() * 5 / 8));
}

QString Card::title() const {
    return m_title->text();
}
void Card::setSubtitle(const QString& subtitle) {
    m_subtitle->setText(subtitle);
}
QString Card::subtitle() const {
    return m_subtitle->text();
}

void Card::setHelp(const QString& richText) {
    m_help = richText;
    setWhatsThis(richText);
    fitHeader();
}

void Card::showHelp() {
    QWhatsThis::showText(m_helpButton->mapToGlobal(QPoint(0, m_helpButton->height())), m_help, m_helpButton);
}

void Card::addHeaderWidget(QWidget* widget) {
    auto* row = static_cast<QHBoxLayout*>(m_header->layout());
    row->insertWidget(row->count() - 1, widget);
}

void Card::showContent() {
    m_isError = false;
    if (m_content) m_stack->setCurrentWidget(m_content);
}

void Card::showEmpty(const QString& sentence) {
    m_isError = false;
    m_message->setText(sentence);
    m_message->setProperty("look", "muted");
    m_message->style()->polish(m_message);
    m_fix->clear();
    m_stack->setCurrentWidget(m_messagePage);
}

void Card::showError(const QString& message, const QString& fix) {
    m_isError = true;
    m_message->setText(message);
    m_message->setProperty("look", "bad");
    m_message->style()->polish(m_message);
    m_fix->setText(fix);
    m_stack->setCurrentWidget(m_messagePage);
}

bool Card::isShowingError() const {
    return m_isError;
}

void Card::setProgress(double fraction) {
    m_progress->setFraction(fraction);
}

void Card::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme.cardBorder);
    painter.setBrush(theme.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(5), theme.px(5));
}

}  // namespace quantscope
