// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// One variant's mean squared error, split.
struct ErrorSplitRow {
    int variant = 0;
    QString name;  ///< "C int4 channel"
    double rounding = 0;
    double clipping = 0;
    double sqnrDb = 0;
    bool isReference = false;
    bool preview = false;
    bool hasRange = true;  ///< false: what a weight can become has no limits, all error counts as rounding
};

/// Stacked horizontal bars, rounding then clipping, one row a variant, with the numbers beside them.
class ErrorSplitView : public PlotView {
    Q_OBJECT
 public:
    explicit ErrorSplitView(ThemeController* themes, QWidget* parent = nullptr);
    void setRows(std::vector<ErrorSplitRow> rows);
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;

 private:
    void paintRow(QPainter& painter, const QRect& box, const ErrorSplitRow& row, double largest,
                  int textWidth) const;
    void paintLegend(QPainter& painter, const QRect& box) const;

    std::vector<ErrorSplitRow> m_rows;
};

}  // namespace quantscope
