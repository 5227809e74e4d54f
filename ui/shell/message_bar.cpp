// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/message_bar.h"

#include <QBoxLayout>
#include <QLabel>
#include <QPainter>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {

MessageBar::MessageBar(ThemeController* themes, QWidget* parent)
    : QWidget(parent), m_themes(themes), m_label(new QLabel) {
    m_label->setWordWrap(true);
    m_label->setTextFormat(Qt::RichText);
    m_label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    auto* close = new IconButton(themes, IconButton::Icon::Close, tr("Close this message"));
    connect(close, &IconButton::clicked, this, &QWidget::hide);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(14, 6, 6, 6);
    row->addWidget(m_label, 1);
    row->addWidget(close, 0, Qt::AlignTop);
    hide();
    connect(themes, &ThemeController::changed, this, qOverload<>(&QWidget::update));
}

void MessageBar::showError(const Error& error) {
    const auto part = [](const std::string& text) { return QString::fromStdString(text).toHtmlEscaped(); };
    QString rich;
    if (!error.file.empty()) rich += QStringLiteral("<b>%1</b>: ").arg(part(error.file));
    if (!error.field.empty()) rich += part(error.field) + QStringLiteral(": ");
    rich += part(error.message) + QStringLiteral(".");
    if (!error.fix.empty()) rich += QStringLiteral(" ") + part(error.fix) + QStringLiteral(".");
    rich.replace(QStringLiteral(".."), QStringLiteral("."));
    present(rich, QString::fromStdString(describe(error)), true);
}

void MessageBar::showMessage(const QString& text) {
    present(text.toHtmlEscaped(), text, false);
}

QString MessageBar::text() const {
    return isHidden() ? QString() : m_plain;
}

void MessageBar::present(const QString& richText, const QString& plain, bool isError) {
    m_isError = isError;
    m_plain = plain;
    m_label->setText(richText);
    setAccessibleName(plain);
    show();
    update();
}

void MessageBar::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    const QColor tone = m_isError ? theme.bad : theme.accent;
    QPainter painter(this);
    painter.fillRect(rect(), mixed(tone, theme.card, 0.10));
    painter.fillRect(QRect(0, 0, 4, height()), tone);
}

}  // namespace quantscope
