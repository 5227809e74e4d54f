// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// How many accumulators need how many bits.
struct AccumulatorSeries {
    std::vector<double> byBits;  ///< [b]: values that need b bits, sign included; up to 32
    qint64 count = 0;
    qint64 smallest = 0;
    qint64 largest = 0;
    int variant = 0;
};

/// Bars of accumulators by the bits they need, with the limits of int16, int24 and int32.
class AccumulatorView : public PlotView {
    Q_OBJECT
 public:
    explicit AccumulatorView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(AccumulatorSeries series);
    [[nodiscard]] const AccumulatorSeries& series() const { return m_series; }
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;

 private:
    AccumulatorSeries m_series;
};

}  // namespace quantscope
