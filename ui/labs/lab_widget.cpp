// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/lab_widget.h"

#include <QHBoxLayout>
#include <QVBoxLayout>

#include "labs/row_page.h"
#include "theme/card.h"
#include "theme/small_widgets.h"
#include "theme/theme_controller.h"
#include "widgets/document.h"

namespace quantscope {

LabWidget::LabWidget(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_title(new ElidedLabel(themes, ElidedLabel::Role::Title)),
      m_details(new ElidedLabel(themes, ElidedLabel::Role::MutedNumber)),
      m_progress(new SlimProgressBar(themes)),
      m_header(new QHBoxLayout),
      m_page(new RowPage(themes)),
      m_failure(new Card(themes, tr("Not shown"))) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 6, 10, 10);
    column->setSpacing(6);
    m_header->addWidget(m_title);
    m_details->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_header->addWidget(m_details, 1);
    column->addLayout(m_header);
    column->addWidget(m_progress);
    column->addWidget(m_failure);
    m_failure->hide();
    m_failure->setMaximumHeight(140);
    column->addWidget(m_page, 1);
}

void LabWidget::follow(Document& document, const std::string& lab) {
    setRequest(document.request());
    connect(&document, &Document::requestChanged, this, &LabWidget::setRequest);
    connect(&document, &Document::resultsChanged, this,
            [this, lab](const std::string& of, const std::shared_ptr<const LabResults>& results) {
                if (of == lab) showResults(results);
            });
    connect(&document, &Document::workChanged, this, [this, lab, &document](const std::string& of) {
        if (of == lab) setWork(document.work(lab));
    });
}

void LabWidget::setRequest(const LabRequest&) {}

void LabWidget::setWork(const WorkState& work) {
    m_progress->setFraction(work.busy ? work.fraction : -1);
}

void LabWidget::showResults(const std::shared_ptr<const LabResults>& results) {
    m_error = results->error;
    m_subject = QString::fromStdString(results->title);
    keep(results);
    m_stale = true;
    if (isVisible()) refreshNow();
}

void LabWidget::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (m_stale) refreshNow();
}

void LabWidget::refreshNow() {
    m_stale = false;
    m_failure->setVisible(m_error.has_value());
    if (!m_error) return refresh();
    if (!m_subject.isEmpty()) setTitle(m_subject, {});
    refreshBesideError();
    showFailure(*m_error);
}

void LabWidget::setTitle(const QString& title, const QString& details) {
    m_title->setText(title);
    m_details->setText(details);
}

Card* LabWidget::addCard(const QString& title, QWidget* content, const QString& help) {
    auto* card = new Card(m_themes, title);
    card->setContent(content);
    card->setHelp(help);
    card->showContent();
    return card;
}

QWidget* LabWidget::addRow(const std::vector<std::pair<Card*, int>>& cards, int minimum, int stretch) {
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(10);
    for (const auto& [card, share] : cards) layout->addWidget(card, share);
    m_page->addRow(row, minimum, stretch);
    return row;
}

void LabWidget::showFailure(const Error& error) {
    Error said = error;
    said.fix.clear();
    m_failure->showError(QString::fromStdString(describe(said)), QString::fromStdString(error.fix));
}

HeaderChoice::HeaderChoice(const QString& tip, QWidget* parent) : ElidedComboBox(parent) {
    setToolTip(tip);
    setAccessibleName(tip);
    setSizeAdjustPolicy(QComboBox::AdjustToContents);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

QSize HeaderChoice::minimumSizeHint() const {
    const QSize whole = QComboBox::minimumSizeHint();
    return {std::min(whole.width(), fontMetrics().horizontalAdvance(QStringLiteral("C  int4 …")) + 34),
            whole.height()};
}

void HeaderChoice::setItems(const QStringList& items) {
    QStringList present;
    for (int i = 0; i < count(); ++i) present << itemText(i);
    if (present == items) return;
    const int index = currentIndex();
    clear();
    addItems(items);
    if (index >= 0 && index < count()) setCurrentIndex(index);
}

void HeaderChoice::choose(int index) {
    if (index >= 0 && index < count()) setCurrentIndex(index);
}

}  // namespace quantscope
