// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

struct ClipCurvePoint {
    double ratio = 1;  ///< clip limit / absmax
    double clipping = 0;
    double rounding = 0;
    [[nodiscard]] double total() const { return clipping + rounding; }
};

/// What a range estimator chooses.
struct ClipCurveMark {
    QString label;
    double ratio = 1;
    double total = 0;
    bool current = false;  ///< the one in use: filled
};

struct ClipCurveSeries {
    std::vector<ClipCurvePoint> points;  ///< increasing ratio
    std::vector<ClipCurveMark> marks;
    int variant = 1;
    bool preview = false;
};

/// Clipping, rounding and total error against the clip limit, both axes logarithmic, with the choice of every
/// range estimator marked.
class ClipCurveView : public PlotView {
    Q_OBJECT
 public:
    explicit ClipCurveView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(ClipCurveSeries series);
    [[nodiscard]] PlotTable table() const override;
    /// Where the labels of the marks lie, empty rectangles for those without room.
    [[nodiscard]] std::vector<QRectF> labelBoxes(const QRect& area) const;

 Q_SIGNALS:
    /// The user clicked the curve: clip the range at this share of the largest magnitude.
    void ratioChosen(double ratio);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;
    void clicked(const QPointF& position) override;

 private:
    using Component = double (*)(const ClipCurvePoint&);
    struct NamedCurve {
        QString name;
        Component value;
        QColor color;
    };

    [[nodiscard]] std::vector<NamedCurve> curves() const;
    [[nodiscard]] QPolygonF polyline(Component value, const QRect& area) const;
    [[nodiscard]] std::vector<QRectF> curveBoxes(const QRect& area) const;
    [[nodiscard]] const ClipCurvePoint* nearest(double ratio) const;
    void paintMarks(QPainter& painter, const QRect& area) const;

    ClipCurveSeries m_series;
};

}  // namespace quantscope
