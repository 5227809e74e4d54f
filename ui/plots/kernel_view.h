// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// One kernel's measured rate.
struct KernelRow {
    QString name;
    QString reason;  ///< why there is no rate; empty when there is
    QString note;    ///< in place of the share: "12 % of sums wrong", "3 ms with transfer"
    double seconds = 0;
    double gops = 0;
    double shareOfPeak = 0;
    bool isChosen = false;
};

/// Horizontal bars of billions of operations a second, one row a kernel, the chosen one in colour.
class KernelView : public PlotView {
    Q_OBJECT
 public:
    explicit KernelView(ThemeController* themes, QWidget* parent = nullptr);
    void setRows(std::vector<KernelRow> rows);
    [[nodiscard]] const std::vector<KernelRow>& rows() const { return m_rows; }
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;

 private:
    [[nodiscard]] int rowHeight(const QRect& area) const;

    std::vector<KernelRow> m_rows;
};

}  // namespace quantscope
