// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// A method's loss over the parameter it searches.
struct LossCurveSeries {
    QString parameter;  ///< "alpha"
    QString lossLabel;
    QString referenceName;  ///< what the smallest value stands for: "round to nearest"
    std::vector<double> x;
    std::vector<double> loss;
    size_t chosen = 0;
    double reference = 0;
    double gain = 0;  ///< share of the reference's loss that the choice saves
    int variant = 1;
};

/// The curve with the chosen value marked and the reference as a dashed line.
class LossCurveView : public PlotView {
    Q_OBJECT
 public:
    explicit LossCurveView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(LossCurveSeries series);
    [[nodiscard]] const LossCurveSeries& series() const { return m_series; }
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;

 private:
    void paintChoice(QPainter& painter, const QRect& area) const;
    [[nodiscard]] int nearest(double x) const;

    LossCurveSeries m_series;
};

}  // namespace quantscope
