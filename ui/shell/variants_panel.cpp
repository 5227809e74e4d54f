// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/variants_panel.h"

#include <QApplication>
#include <QBoxLayout>
#include <QClipboard>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <algorithm>
#include <cmath>

#include "app/experiment/experiment.h"
#include "shell/variant_card.h"
#include "shell/variant_header.h"
#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr size_t kMinVariants = 2;

}  // namespace

VariantsPanel::VariantsPanel(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_add(new QPushButton(tr("+ Add"))),
      m_header(new QWidget),
      m_scroll(new QScrollArea) {
    setProperty("look", "panel");
    setAttribute(Qt::WA_StyledBackground);
    auto* heading = new QLabel(tr("VARIANTS"));
    heading->setProperty("look", "heading");
    m_add->setProperty("look", "link");
    m_add->setToolTip(tr("Add a variant (2 to %1)").arg(kMaxVariants));
    connect(m_add, &QPushButton::clicked, this, &VariantsPanel::addVariant);
    auto* headerRow = new QHBoxLayout(m_header);
    headerRow->addWidget(heading);
    headerRow->addStretch();
    headerRow->addWidget(m_add);

    auto* inside = new QWidget;
    inside->setProperty("look", "panel");
    m_list = new QVBoxLayout(inside);
    m_list->addStretch();
    m_scroll->setWidget(inside);
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_scroll->setFocusPolicy(Qt::NoFocus);

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_header);
    column->addWidget(m_scroll, 1);
    connect(themes, &ThemeController::changed, this, &VariantsPanel::applyTheme);
    applyTheme();
}

void VariantsPanel::applyTheme() {
    const Theme& theme = m_themes->theme();
    m_header->layout()->setContentsMargins(theme.px(14), theme.px(8), theme.px(6), theme.px(4));
    m_list->setContentsMargins(theme.px(12), theme.px(2), theme.px(10), theme.px(12));
    m_list->setSpacing(theme.px(8));
    setMinimumWidth(theme.px(262));
}

VariantCard* VariantsPanel::card(int index) const {
    return index >= 0 && index < static_cast<int>(m_cards.size()) ? m_cards[static_cast<size_t>(index)]
                                                                  : nullptr;
}

int VariantsPanel::indexOf(const QObject* header) const {
    const auto found = std::find_if(m_cards.begin(), m_cards.end(),
                                    [&](const VariantCard* card) { return card->header() == header; });
    return found == m_cards.end() ? -1 : static_cast<int>(found - m_cards.begin());
}

VariantCard* VariantsPanel::makeCard() {
    auto* card = new VariantCard(m_themes);
    VariantHeader* header = card->header();
    header->installEventFilter(this);
    connect(header, &VariantHeader::toggled, this, [this, card, header] {
        const int index = indexOf(header);
        openCard(card->isOpen() ? index : -1);
        Q_EMIT openChanged(openIndex());
    });
    connect(header, &VariantHeader::renameRequested, this,
            [card, header] { header->beginRename(QString::fromStdString(card->variant().name)); });
    connect(header->menuButton(), &IconButton::clicked, this, [this, header] { showMenu(indexOf(header)); });
    connect(card, &VariantCard::edited, this,
            [this, header](const Variant& variant, const EditOrigin& origin) {
                const int index = indexOf(header);
                if (index < 0) return;
                std::vector<Variant> variants = m_variants;
                variants[static_cast<size_t>(index)] = variant;
                report(variants, origin.control, origin.drag);
            });
    return card;
}

void VariantsPanel::setVariants(const std::vector<Variant>& variants) {
    m_variants = variants;
    while (m_cards.size() > variants.size()) {
        m_cards.back()->hide();
        m_cards.back()->deleteLater();
        m_cards.pop_back();
    }
    while (m_cards.size() < variants.size()) {
        m_cards.push_back(makeCard());
        m_list->insertWidget(static_cast<int>(m_cards.size()) - 1, m_cards.back());
    }
    for (size_t i = 0; i < variants.size(); ++i) m_cards[i]->setVariant(static_cast<int>(i), variants[i]);
    m_add->setEnabled(variants.size() < static_cast<size_t>(kMaxVariants));
}

void VariantsPanel::setBits(const std::vector<double>& bits) {
    for (size_t i = 0; i < m_cards.size(); ++i) {
        const bool known = i < bits.size() && bits[i] > 0;
        m_cards[i]->setBits(known ? tr("%1 bits").arg(QString::number(std::round(100 * bits[i]) / 100))
                                  : QString());
    }
}

void VariantsPanel::setErrors(const std::vector<QString>& errors) {
    for (size_t i = 0; i < m_cards.size(); ++i)
        m_cards[i]->setError(i < errors.size() ? errors[i] : QString());
}

void VariantsPanel::openCard(int index) {
    for (size_t i = 0; i < m_cards.size(); ++i) m_cards[i]->setOpen(static_cast<int>(i) == index);
}

int VariantsPanel::openIndex() const {
    const auto open =
        std::find_if(m_cards.begin(), m_cards.end(), [](const VariantCard* card) { return card->isOpen(); });
    return open == m_cards.end() ? -1 : static_cast<int>(open - m_cards.begin());
}

void VariantsPanel::report(const std::vector<Variant>& variants, const QString& what, int drag) {
    if (variants == m_variants) return;
    setVariants(variants);
    Q_EMIT edited(m_variants, EditOrigin{what, drag});
}

void VariantsPanel::addVariant() {
    if (m_variants.size() >= static_cast<size_t>(kMaxVariants)) return;
    std::vector<Variant> variants = m_variants;
    Variant added = variants.empty() ? Variant{} : variants.back();
    if (added.weights.scheme.isFloat()) added = Variant{};
    added.name.clear();
    variants.push_back(added);
    report(variants, tr("add variant"));
    // Two variants that are the same say nothing: the new one opens so that it can be changed at once.
    openCard(static_cast<int>(m_variants.size()) - 1);
    Q_EMIT openChanged(openIndex());
}

void VariantsPanel::duplicate(int index) {
    if (m_variants.size() >= static_cast<size_t>(kMaxVariants)) {
        Q_EMIT refused(tr("At most %1 variants can be compared").arg(kMaxVariants));
        return;
    }
    std::vector<Variant> variants = m_variants;
    variants.insert(variants.begin() + index + 1, variants[static_cast<size_t>(index)]);
    report(variants, tr("duplicate variant"));
    openCard(index + 1);
    Q_EMIT openChanged(openIndex());
}

void VariantsPanel::remove(int index) {
    if (m_variants.size() <= kMinVariants) {
        Q_EMIT refused(tr("A comparison needs two variants"));
        return;
    }
    std::vector<Variant> variants = m_variants;
    variants.erase(variants.begin() + index);
    report(variants, tr("remove variant"));
}

void VariantsPanel::move(int index, int newIndex) {
    if (newIndex < 0 || newIndex >= static_cast<int>(m_variants.size()) || index == newIndex) return;
    std::vector<Variant> variants = m_variants;
    std::swap(variants[static_cast<size_t>(index)], variants[static_cast<size_t>(newIndex)]);
    const int open = openIndex();
    report(variants, tr("move variant"));
    if (open == index) openCard(newIndex);
    m_cards[static_cast<size_t>(newIndex)]->header()->setFocus();
}

void VariantsPanel::copyText(int index) const {
    const std::string text = variantText(m_variants[static_cast<size_t>(index)]);
    QApplication::clipboard()->setText(QString::fromStdString(text));
}

void VariantsPanel::pasteText(int index) {
    const std::string text = QApplication::clipboard()->text().trimmed().toStdString();
    const auto pasted = parseVariants(text);
    if (!pasted) {
        Q_EMIT refused(
            tr("The clipboard holds no variant. %1").arg(QString::fromStdString(describe(pasted.error()))));
        return;
    }
    std::vector<Variant> variants = m_variants;
    variants[static_cast<size_t>(index)] = pasted->front();
    variants.insert(variants.begin() + index + 1, pasted->begin() + 1, pasted->end());
    if (variants.size() > static_cast<size_t>(kMaxVariants)) {
        Q_EMIT refused(tr("At most %1 variants can be compared").arg(kMaxVariants));
        return;
    }
    report(variants, tr("paste variant"));
}

void VariantsPanel::showMenu(int index) {
    if (index < 0) return;
    const bool full = m_variants.size() >= static_cast<size_t>(kMaxVariants);
    VariantHeader* header = m_cards[static_cast<size_t>(index)]->header();
    QMenu menu(this);
    menu.addAction(tr("Rename\tF2"), header, &VariantHeader::renameRequested);
    menu.addAction(tr("Duplicate\tCtrl+D"), this, [this, index] { duplicate(index); })->setEnabled(!full);
    menu.addAction(tr("Move up\tAlt+Up"), this, [this, index] { move(index, index - 1); })
        ->setEnabled(index > 0);
    menu.addAction(tr("Move down\tAlt+Down"), this, [this, index] { move(index, index + 1); })
        ->setEnabled(index + 1 < static_cast<int>(m_variants.size()));
    menu.addSeparator();
    menu.addAction(tr("Copy as text\tCtrl+C"), this, [this, index] { copyText(index); });
    menu.addAction(tr("Paste text\tCtrl+V"), this, [this, index] { pasteText(index); });
    menu.addSeparator();
    menu.addAction(tr("Remove\tDel"), this, [this, index] { remove(index); })
        ->setEnabled(m_variants.size() > kMinVariants);
    menu.exec(header->menuButton()->mapToGlobal(QPoint(0, header->menuButton()->height())));
}

bool VariantsPanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
    const int index = indexOf(watched);
    if (index < 0) return QWidget::eventFilter(watched, event);
    auto* key = static_cast<QKeyEvent*>(event);
    if (key->matches(QKeySequence::Copy)) return copyText(index), true;
    if (key->matches(QKeySequence::Paste)) return pasteText(index), true;
    if (key->key() == Qt::Key_Delete) return remove(index), true;
    if (key->modifiers() == Qt::ControlModifier && key->key() == Qt::Key_D) return duplicate(index), true;
    if (key->modifiers() == Qt::AltModifier && key->key() == Qt::Key_Up) return move(index, index - 1), true;
    if (key->modifiers() == Qt::AltModifier && key->key() == Qt::Key_Down)
        return move(index, index + 1), true;
    return QWidget::eventFilter(watched, event);
}

}  // namespace quantscope
