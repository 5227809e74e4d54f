// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// A machine's two limits and the products under them.
struct RooflineSeries {
    double peakGops = 0;
    double bandwidthGbs = 0;
    struct Point {
        QString label;
        double opsPerByte = 0;
        double gops = 0;
    };
    std::vector<Point> points;
};

/// Operations a second over operations a byte, both logarithmic: a product lies under the slope (memory) or
/// under the flat part (arithmetic).
class RooflineView : public PlotView {
    Q_OBJECT
 public:
    explicit RooflineView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(RooflineSeries series);
    [[nodiscard]] const RooflineSeries& series() const { return m_series; }
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;

 private:
    RooflineSeries m_series;
};

}  // namespace quantscope
