// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// Largest magnitude of each channel, before and after a method changed it.
struct BeforeAfterSeries {
    QString what;         ///< "inputs"
    QString beforeLabel;  ///< "max |x_j|"
    QString afterLabel;   ///< "max |x_j / s_j|"
    std::vector<double> before;
    std::vector<double> after;
    double spreadBefore = 0;  ///< largest / median
    double spreadAfter = 0;
    int variant = 1;  ///< its colour is that of `after`
};

/// Both over the channels, logarithmic: bars before, a line after; the largest of each in words.
class BeforeAfterView : public PlotView {
    Q_OBJECT
 public:
    explicit BeforeAfterView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(BeforeAfterSeries series);
    /// Off where a view of the same channels stands below.
    void showChannelNumbers(bool shown) { showAxes(shown, true); }
    [[nodiscard]] const BeforeAfterSeries& series() const { return m_series; }
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintMargins(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;

 private:
    void paintAfter(QPainter& painter, const QRect& area) const;
    [[nodiscard]] int channelAt(double x) const;

    BeforeAfterSeries m_series;
};

}  // namespace quantscope
