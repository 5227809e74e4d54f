// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <memory>
#include <vector>

#include "app/results/matmul_results.h"
#include "app/results/results.h"
#include "shell/session_controller.h"

namespace quantscope {

/// The table under the labs: variants as rows; the columns are the Tensor lab's or the Model lab's numbers.
/// Reads the same results as the plots. Numbers of a preview carry a leading "~".
class MetricsModel : public QAbstractTableModel {
    Q_OBJECT
 public:
    /// Of a column's header: 0 stays in every window, 1 leaves a narrow one first, 2 next, ...
    enum Role { GivesWayRole = Qt::UserRole + 1 };

    explicit MetricsModel(QObject* parent = nullptr);

    void setLab(LabKind lab);
    void setVariants(const std::vector<Variant>& variants);
    void setTensorResults(const std::shared_ptr<const TensorResults>& results);
    void setModelResults(const std::shared_ptr<const ModelResults>& results);
    void setMatmulResults(const std::shared_ptr<const MatmulResults>& results);

    /// The table as text, one line a variant, with a header; `separator` is ',' or a tab.
    [[nodiscard]] QString asText(QChar separator) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
    [[nodiscard]] QString cell(int row, int column) const;
    [[nodiscard]] QString tensorCell(size_t row, int column) const;
    [[nodiscard]] QString modelCell(size_t row, int column) const;
    [[nodiscard]] QString matmulCell(size_t row, int column) const;
    void changed();

    LabKind m_lab = LabKind::Tensor;
    std::vector<Variant> m_variants;
    std::shared_ptr<const TensorResults> m_tensor;
    std::shared_ptr<const ModelResults> m_model;
    std::shared_ptr<const MatmulResults> m_matmul;
};

}  // namespace quantscope
