// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/labs/lab.h"
#include "base/result.h"
#include "theme/elided_combo_box.h"
#include "widgets/work_state.h"

class QHBoxLayout;

namespace quantscope {

class Card;
class Document;
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

    /// Shows this lab of the document from now on: its requests, results and work.
    void follow(Document& document, const std::string& lab);
    /// Draws them now, or when the lab is shown; an error stands in the place of what failed.
    void showResults(const std::shared_ptr<const LabResults>& results);
    /// The experiment and where a person looks, for controls in the lab.
    virtual void setRequest(const LabRequest& request);
    virtual void setWork(const WorkState& work);

 protected:
    /// Keeps the newest results; those of a failure may be of another type than the lab's own.
    virtual void keep(const std::shared_ptr<const LabResults>& results) = 0;
    /// Draws what was kept.
    virtual void refresh() = 0;
    /// Controls and header beside an error: what may be chosen instead.
    virtual void refreshBesideError() {}
    void showEvent(QShowEvent* event) override;

    [[nodiscard]] ThemeController* themes() const { return m_themes; }
    [[nodiscard]] QHBoxLayout* header() const { return m_header; }
    [[nodiscard]] RowPage* page() const { return m_page; }
    /// Cards side by side, each with its share of the width; see RowPage::addRow for the heights.
    QWidget* addRow(const std::vector<std::pair<Card*, int>>& cards, int minimum, int stretch);
    void setTitle(const QString& title, const QString& details);
    Card* addCard(const QString& title, QWidget* content, const QString& help);

 private:
    void refreshNow();
    void showFailure(const Error& error);

    ThemeController* m_themes;
    ElidedLabel* m_title;
    ElidedLabel* m_details;
    SlimProgressBar* m_progress;
    QHBoxLayout* m_header;
    RowPage* m_page;
    Card* m_failure;
    std::optional<Error> m_error;
    QString m_subject;
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
