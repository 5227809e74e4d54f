// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <utility>
#include <vector>

#include "base/result.h"
#include "theme/elided_combo_box.h"

class QHBoxLayout;

namespace quantscope {

class Card;
class ElidedLabel;
class RowPage;
class SlimProgressBar;
class ThemeController;

/// A tab of the window: a header line, a thin progress line and rows of cards (RowPage). A hidden lab keeps
/// only the newest results and draws them when it is shown.
class LabWidget : public QWidget {
    Q_OBJECT
 public:
    explicit LabWidget(ThemeController* themes, QWidget* parent = nullptr);

    /// The state of the computation; a negative fraction hides the line.
    virtual void setWork(bool busy, double fraction, double secondsLeft, const QString& stage);

 protected:
    /// Draws the newest results.
    virtual void refresh() = 0;
    /// Draws now, or when the lab is shown.
    void requestRefresh();
    void showEvent(QShowEvent* event) override;

    [[nodiscard]] ThemeController* themes() const { return m_themes; }
    [[nodiscard]] QHBoxLayout* header() const { return m_header; }
    [[nodiscard]] RowPage* page() const { return m_page; }
    /// Cards side by side, each with its share of the width; see RowPage::addRow for the heights.
    QWidget* addRow(const std::vector<std::pair<Card*, int>>& cards, int minimum, int stretch);
    void setTitle(const QString& title, const QString& details);
    Card* addCard(const QString& title, QWidget* content, const QString& help);
    void showFailure(const Error& error);
    void clearFailure();

 private:
    ThemeController* m_themes;
    ElidedLabel* m_title;
    ElidedLabel* m_details;
    SlimProgressBar* m_progress;
    QHBoxLayout* m_header;
    RowPage* m_page;
    Card* m_failure;
    bool m_stale = false;
};

/// A small choice in a card's header that tells only what the user chose, not what the program set.
class HeaderChoice : public ElidedComboBox {
    Q_OBJECT
 public:
    explicit HeaderChoice(const QString& tip, QWidget* parent = nullptr);
    /// Keeps the list when it is the same already, so that an open popup survives live results.
    void setItems(const QStringList& items);
    void choose(int index);
    [[nodiscard]] QSize minimumSizeHint() const override;
};

}  // namespace quantscope
