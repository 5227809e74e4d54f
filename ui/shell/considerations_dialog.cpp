// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/considerations_dialog.h"

#include <QHeaderView>
#include <QLabel>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "theme/theme_controller.h"

namespace quantscope {

ConsiderationsModel::ConsiderationsModel(Considerations table, QObject* parent)
    : QAbstractTableModel(parent), m_table(std::move(table)) {}

int ConsiderationsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_table.rows.size());
}

int ConsiderationsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_table.columns.size());
}

const ConsiderationCell& ConsiderationsModel::cell(const QModelIndex& index) const {
    return m_table.rows[static_cast<size_t>(index.row())][static_cast<size_t>(index.column())];
}

QVariant ConsiderationsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const ConsiderationCell& shown = cell(index);
    if (role == Qt::DisplayRole)
        return shown.text.empty() ? QStringLiteral("–") : QString::fromStdString(shown.text);
    if (role == Qt::ToolTipRole && !shown.tip.empty()) return QString::fromStdString(shown.tip);
    if (role == Qt::TextAlignmentRole && m_table.columns[static_cast<size_t>(index.column())].isNumber)
        return static_cast<int>(Qt::AlignRight | Qt::AlignVCenter);
    return {};
}

QVariant ConsiderationsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    const ConsiderationColumn& column = m_table.columns[static_cast<size_t>(section)];
    if (role == Qt::DisplayRole) return QString::fromStdString(column.label);
    if (role == Qt::ToolTipRole) return QString::fromStdString(column.help);
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((column.isNumber ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    return {};
}

void ConsiderationsModel::sort(int column, Qt::SortOrder order) {
    if (column < 0 || column >= columnCount()) return;
    const auto at = static_cast<size_t>(column);
    const bool ascending = order == Qt::AscendingOrder;
    Q_EMIT layoutAboutToBeChanged();
    std::stable_sort(m_table.rows.begin(), m_table.rows.end(), [&](const auto& a, const auto& b) {
        const ConsiderationCell& first = a[at];
        const ConsiderationCell& second = b[at];
        if (first.text.empty() != second.text.empty()) return second.text.empty();
        if (std::isnan(first.order) || std::isnan(second.order))
            return ascending ? first.text < second.text : second.text < first.text;
        return ascending ? first.order < second.order : second.order < first.order;
    });
    Q_EMIT layoutChanged();
}

ConsiderationsDialog::ConsiderationsDialog(ThemeController* themes, Considerations table, QWidget* parent)
    : QDialog(parent), m_view(new QTableView) {
    const Theme& theme = themes->theme();
    setWindowTitle(tr("Which method when"));
    resize(theme.px(1400), theme.px(720));
    auto* about = new QLabel(tr(
        "From the descriptions of the methods themselves. The last three columns are what a variant of the "
        "method came to in the Model lab's last evaluation. Click a heading to sort."));
    about->setWordWrap(true);
    m_view->setModel(new ConsiderationsModel(std::move(table), this));
    m_view->setShowGrid(false);
    m_view->setWordWrap(false);
    m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_view->setSelectionMode(QAbstractItemView::SingleSelection);
    m_view->setFont(theme.textFont(12));
    m_view->verticalHeader()->hide();
    m_view->verticalHeader()->setDefaultSectionSize(theme.px(23));
    m_view->horizontalHeader()->setHighlightSections(false);
    m_view->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    // The registry's order until a heading is clicked.
    m_view->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    m_view->setSortingEnabled(true);
    m_view->setAccessibleName(tr("Methods"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(theme.px(16), theme.px(12), theme.px(16), theme.px(12));
    column->setSpacing(theme.px(8));
    column->addWidget(about);
    column->addWidget(m_view, 1);
}

}  // namespace quantscope
