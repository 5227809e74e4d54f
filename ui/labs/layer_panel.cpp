// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/layer_panel.h"

#include <QHeaderView>
#include <QStackedLayout>
#include <QStyledItemDelegate>
#include <QTableView>

#include "labs/model_series.h"
#include "plots/layer_error_view.h"
#include "theme/theme_controller.h"

namespace quantscope {

namespace {

/// Layers above the limit stand in the warning colour; numbers in the face for numbers.
class LayerDelegate final : public QStyledItemDelegate {
 public:
    LayerDelegate(ThemeController* themes, QObject* parent) : QStyledItemDelegate(parent), m_themes(themes) {}

 protected:
    void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override {
        QStyledItemDelegate::initStyleOption(option, index);
        const Theme& theme = m_themes->theme();
        option->font = index.column() == 0 ? theme.textFont(12) : theme.numberFont(11.5);
        const bool above = index.data(LayerTableModel::AboveRole).toBool();
        option->palette.setColor(QPalette::Text, above ? theme.warning : theme.text);
        option->palette.setColor(QPalette::HighlightedText, above ? theme.warning : theme.text);
        option->state &= ~QStyle::State_HasFocus;
    }

 private:
    ThemeController* m_themes;
};

}  // namespace

LayerPanel::LayerPanel(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_model(new LayerTableModel(this)),
      m_chart(new LayerErrorView(themes)),
      m_table(new QTableView),
      m_stack(new QStackedLayout(this)) {
    m_table->setModel(m_model);
    m_table->setItemDelegate(new LayerDelegate(themes, m_table));
    m_table->setShowGrid(false);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->verticalHeader()->hide();
    m_table->horizontalHeader()->setHighlightSections(false);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSortIndicator(0, Qt::AscendingOrder);
    m_table->setSortingEnabled(true);
    m_table->setAccessibleName(tr("Linear layers"));
    m_stack->addWidget(m_chart);
    m_stack->addWidget(m_table);
    connect(m_model, &LayerTableModel::orderChanged, this, &LayerPanel::refresh);
    connect(m_chart, &LayerErrorView::layerSelected, this, &LayerPanel::layerSelected);
    connect(m_table, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (const LayerRow* row = m_model->row(index.row()))
            Q_EMIT layerSelected(QString::fromStdString(row->name));
    });
    connect(themes, &ThemeController::changed, this, &LayerPanel::applyTheme);
    applyTheme();
}

void LayerPanel::applyTheme() {
    const Theme& theme = m_themes->theme();
    m_table->verticalHeader()->setMinimumSectionSize(theme.px(21));
    m_table->verticalHeader()->setDefaultSectionSize(theme.px(21));
}

void LayerPanel::setResults(const std::shared_ptr<const ModelResults>& results) {
    m_results = results;
    m_model->setRows(results->layers);
    refresh();
}

void LayerPanel::refresh() {
    if (m_results) m_chart->setSeries(layerErrorSeries(*m_results, *m_model));
    setSelected(m_selected);
    Q_EMIT summaryChanged(summary());
}

QString LayerPanel::summary() const {
    if (!m_results || !m_results->layers || m_results->layers->empty()) return {};
    return layerCountText(m_model->rowCount(), static_cast<int64_t>(m_results->layers->size()),
                          m_model->aboveCount(), m_model->filter());
}

void LayerPanel::setSelected(const QString& layer) {
    m_selected = layer;
    m_chart->setSelected(layer);
    const int row = m_model->indexOf(layer);
    if (row >= 0)
        m_table->selectRow(row);
    else
        m_table->clearSelection();
}

void LayerPanel::setFilterText(const QString& text) {
    m_model->setFilter(parseLayerFilter(text));
}

void LayerPanel::showTable(bool table) {
    m_stack->setCurrentWidget(table ? static_cast<QWidget*>(m_table) : m_chart);
}

}  // namespace quantscope
