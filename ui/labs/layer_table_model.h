// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QStringList>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/layers/layer_table.h"

namespace quantscope {

/// What a person types above the layers: words every name must contain, and a limit that marks layers: "down
/// >10%".
struct LayerFilter {
    QStringList words;                ///< lower case
    std::optional<double> threshold;  ///< relative output error, a share
    bool operator==(const LayerFilter&) const = default;
};
LayerFilter parseLayerFilter(const QString& text);
/// "42 of 210 layers, 3 above 10 %".
QString layerCountText(int64_t shown, int64_t all, int64_t above, const LayerFilter& filter);

/// The linear layers of one variant, filtered and in the order of a column; the chart takes the same order.
class LayerTableModel : public QAbstractTableModel {
    Q_OBJECT
 public:
    using Rows = std::shared_ptr<const std::vector<LayerRow>>;
    enum Role { AboveRole = Qt::UserRole + 1 };  ///< bool: above the filter's limit

    explicit LayerTableModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}
    /// Keeps order and filter.
    void setRows(Rows rows);
    void setFilter(const LayerFilter& filter);
    [[nodiscard]] const LayerFilter& filter() const { return m_filter; }
    /// Indices into the rows, in the order shown.
    [[nodiscard]] const std::vector<int64_t>& order() const { return m_order; }
    [[nodiscard]] bool isSorted() const { return m_column > 0; }
    [[nodiscard]] int64_t aboveCount() const;
    [[nodiscard]] const LayerRow* row(int index) const;
    [[nodiscard]] int indexOf(const QString& layer) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    /// Column 0 stands for the model's own order.
    void sort(int column, Qt::SortOrder order) override;

 Q_SIGNALS:
    void orderChanged();

 private:
    void arrange();
    [[nodiscard]] bool isAbove(const LayerRow& row) const;

    Rows m_rows;
    LayerFilter m_filter;
    std::vector<int64_t> m_order;
    int m_column = 0;
    bool m_descending = false;
};

}  // namespace quantscope
