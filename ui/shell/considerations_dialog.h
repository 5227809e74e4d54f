// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QDialog>

#include "app/results/considerations.h"

class QTableView;

namespace quantscope {

class ThemeController;

/// The table "which method when" as Qt sees it. Sorts itself; what is not known comes last both ways.
class ConsiderationsModel : public QAbstractTableModel {
    Q_OBJECT
 public:
    explicit ConsiderationsModel(Considerations table, QObject* parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role = Qt::DisplayRole) const override;
    void sort(int column, Qt::SortOrder order = Qt::AscendingOrder) override;

 private:
    [[nodiscard]] const ConsiderationCell& cell(const QModelIndex& index) const;

    Considerations m_table;
};

/// A window beside the work: which method when, and what each came to here.
class ConsiderationsDialog : public QDialog {
    Q_OBJECT
 public:
    ConsiderationsDialog(ThemeController* themes, Considerations table, QWidget* parent = nullptr);
    [[nodiscard]] QTableView* view() const { return m_view; }

 private:
    QTableView* m_view;
};

}  // namespace quantscope
