// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "methods/interface/variant.h"
#include "widgets/edit_origin.h"

class QPushButton;
class QScrollArea;
class QVBoxLayout;

namespace quantscope {

class ThemeController;
class VariantCard;

/// The list of variants A..F. Shows what it is given, reports what a person makes of it; one card is open at
/// a time. Every action is in a card's menu and on the keyboard: Ctrl+D duplicate, Alt+Up and Alt+Down move,
/// F2 rename, Del remove, Ctrl+C copy as text, Ctrl+V paste.
class VariantsPanel : public QWidget {
    Q_OBJECT
 public:
    explicit VariantsPanel(ThemeController* themes, QWidget* parent = nullptr);

    void setVariants(const std::vector<Variant>& variants);
    [[nodiscard]] const std::vector<Variant>& variants() const { return m_variants; }
    [[nodiscard]] VariantCard* card(int index) const;
    /// Bits per weight and error of each variant, from the newest results.
    void setBits(const std::vector<double>& bits);
    void setErrors(const std::vector<QString>& errors);
    void openCard(int index);
    [[nodiscard]] int openIndex() const;

    void addVariant();
    void duplicate(int index);
    void remove(int index);
    void move(int index, int newIndex);
    void copyText(int index) const;
    /// Variants from text on the clipboard ("int4/affine/group=64; int8"); replaces `index`, adds the rest.
    void pasteText(int index);

 Q_SIGNALS:
    void edited(const std::vector<quantscope::Variant>& variants, const quantscope::EditOrigin& origin);
    /// Something a person asked for could not be done; the reason.
    void refused(const QString& reason);
    void openChanged(int index);

 protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

 private:
    VariantCard* makeCard();
    void showMenu(int index);
    void report(const std::vector<Variant>& variants, const QString& what, int drag = 0);
    void applyTheme();
    [[nodiscard]] int indexOf(const QObject* header) const;

    ThemeController* m_themes;
    QPushButton* m_add;
    QWidget* m_header;
    QScrollArea* m_scroll;
    QVBoxLayout* m_list;
    std::vector<VariantCard*> m_cards;
    std::vector<Variant> m_variants;
};

}  // namespace quantscope
