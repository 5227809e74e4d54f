// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <memory>
#include <vector>

#include "app/results/lab_results.h"

namespace quantscope {

/// The table under the labs: variants as rows, the metrics of the lab on screen as columns. Reads the same
/// results as the plots. Numbers of a preview carry a leading "~".
class MetricsModel : public QAbstractTableModel {
    Q_OBJECT
 public:
    /// Of a column's header: 0 stays in every window, 1 leaves a narrow one first, 2 next, ...
    enum Role { GivesWayRole = Qt::UserRole + 1 };

    explicit MetricsModel(QObject* parent = nullptr);

    void setMetrics(const std::vector<MetricInfo>& metrics);
    void setVariants(const std::vector<Variant>& variants);
    /// Null: nothing is known yet.
    void setResults(const std::shared_ptr<const LabResults>& results);

    /// The table as text, one line a variant, with a header; `separator` is ',' or a tab.
    [[nodiscard]] QString asText(QChar separator) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
    /// What the results say of this row's variant; null when nothing.
    [[nodiscard]] const VariantRow* known(int row) const;
    [[nodiscard]] QString cell(int row, int column) const;
    [[nodiscard]] QVariant tip(int row, int column) const;
    void changed();

    std::vector<MetricInfo> m_metrics;
    std::vector<Variant> m_variants;
    std::shared_ptr<const LabResults> m_results;
};

}  // namespace quantscope
