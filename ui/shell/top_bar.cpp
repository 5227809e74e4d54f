// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/top_bar.h"

#include <QAction>
#include <QBoxLayout>
#include <QButtonGroup>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <algorithm>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {

TopBar::TopBar(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_name(new QLabel(QStringLiteral("Quantscope"))),
      m_spacer(new QWidget),
      m_tabs(new QHBoxLayout),
      m_actions(new QHBoxLayout),
      m_group(new QButtonGroup(this)) {
    m_group->setExclusive(true);
    connect(m_group, &QButtonGroup::idClicked, this, &TopBar::tabChosen);
    auto* row = new QHBoxLayout(this);
    row->setSpacing(0);
    row->addWidget(m_name);
    row->addWidget(m_spacer);
    row->addLayout(m_tabs);
    row->addStretch(1);
    row->addLayout(m_actions);
    connect(themes, &ThemeController::changed, this, &TopBar::applyTheme);
    applyTheme();
}

void TopBar::applyTheme() {
    const Theme& theme = m_themes->theme();
    setFixedHeight(theme.px(44));
    layout()->setContentsMargins(theme.px(16), 0, theme.px(10), 0);
    m_tabs->setSpacing(theme.px(8));
    m_actions->setSpacing(theme.px(2));
    m_name->setFont(theme.textFont(15, QFont::Bold));
    m_name->setStyleSheet(QStringLiteral("font-size: %1px; font-weight: 700;").arg(theme.px(15)));
    update();
}

int TopBar::addTab(const QString& title, const QString& tip) {
    auto* tab = new QPushButton(title);
    tab->setProperty("look", "tab");
    tab->setCheckable(true);
    tab->setToolTip(tip);
    const int index = static_cast<int>(m_group->buttons().size());
    m_group->addButton(tab, index);
    m_tabs->addWidget(tab);
    return index;
}

void TopBar::setCurrentTab(int index) {
    if (QAbstractButton* tab = m_group->button(index)) tab->setChecked(true);
}

void TopBar::addAction(QAction* action) {
    auto* button = new QPushButton;
    button->setProperty("look", "flat");
    const auto follow = [button, action] {
        button->setText(action->iconText());
        button->setEnabled(action->isEnabled());
        button->setToolTip(action->toolTip());
        button->setAccessibleName(action->text());
    };
    follow();
    connect(action, &QAction::changed, button, follow);
    connect(button, &QPushButton::clicked, action, &QAction::trigger);
    m_actions->addWidget(button);
}

void TopBar::addIcon(IconButton* button) {
    m_actions->addWidget(button);
}

void TopBar::setTabsLeft(int x) {
    const int taken = layout()->contentsMargins().left() + m_name->sizeHint().width();
    m_spacer->setFixedWidth(std::max(m_themes->theme().px(24), x - taken));
}

void TopBar::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.fillRect(rect(), theme.card);
    painter.fillRect(QRect(0, height() - 1, width(), 1), theme.cardBorder);
}

}  // namespace quantscope
