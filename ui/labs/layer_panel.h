// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>

#include "app/results/results.h"
#include "labs/layer_table_model.h"

class QStackedLayout;
class QTableView;

namespace quantscope {

class LayerErrorView;
class ThemeController;

/// The layers of a model as chart or table, in one order and under one filter.
class LayerPanel : public QWidget {
    Q_OBJECT
 public:
    explicit LayerPanel(ThemeController* themes, QWidget* parent = nullptr);
    void setResults(const std::shared_ptr<const quantscope::ModelResults>& results);
    void setSelected(const QString& layer);
    void setFilterText(const QString& text);
    void showTable(bool table);
    [[nodiscard]] LayerErrorView* chart() const { return m_chart; }
    [[nodiscard]] QTableView* table() const { return m_table; }
    [[nodiscard]] LayerTableModel* model() const { return m_model; }
    /// "42 of 210 layers, 3 above 10 %".
    [[nodiscard]] QString summary() const;

 Q_SIGNALS:
    void layerSelected(const QString& layer);
    void summaryChanged(const QString& summary);

 private:
    void applyTheme();
    void refresh();

    ThemeController* m_themes;
    LayerTableModel* m_model;
    LayerErrorView* m_chart;
    QTableView* m_table;
    QStackedLayout* m_stack;
    std::shared_ptr<const ModelResults> m_results;
    QString m_selected;
};

}  // namespace quantscope
