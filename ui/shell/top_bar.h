// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QAction;
class QButtonGroup;
class QHBoxLayout;
class QLabel;

namespace quantscope {

class IconButton;
class ThemeController;

/// The line at the top: product name, one tab a lab, undo, redo, light or dark, presentation, and the menu.
class TopBar : public QWidget {
    Q_OBJECT
 public:
    explicit TopBar(ThemeController* themes, QWidget* parent = nullptr);

    /// A tab; returns its index.
    int addTab(const QString& title, const QString& tip);
    void setCurrentTab(int index);
    /// A button at the right end that follows the action's text, state and tooltip.
    void addAction(QAction* action);
    void addIcon(IconButton* button);
    /// Where the tabs begin: the right edge of the left panel, as far as there is room.
    void setTabsLeft(int x);

 Q_SIGNALS:
    void tabChosen(int index);

 protected:
    void paintEvent(QPaintEvent* event) override;

 private:
    void applyTheme();

    ThemeController* m_themes;
    QLabel* m_name;
    QWidget* m_spacer;
    QHBoxLayout* m_tabs;
    QHBoxLayout* m_actions;
    QButtonGroup* m_group;
};

}  // namespace quantscope
