// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// Counts of equal bins over [low, high]: the float values and what one variant makes of them.
struct HistogramSeries {
    double low = 0;
    double high = 1;
    std::vector<double> reference;
    std::vector<double> quantized;  ///< the same bins; empty for the float reference
    std::vector<double> levels;     ///< representable values, increasing
    std::optional<AxisRange> clip;  ///< smallest and largest representable value
    bool clipMovable = false;       ///< the limits hold for the whole tensor and may be dragged
    double outside = 0;             ///< elements left and right of the axis
    int variant = 1;                ///< index: the colour
    QString sample;                 ///< "1/64 sample" for a preview, empty for the full result
};

/// Distribution of a tensor in grey, behind it the variant's in its colour; levels as ticks below, clip
/// limits as dashed lines with handles.
class HistogramView : public PlotView {
    Q_OBJECT
 public:
    explicit HistogramView(ThemeController* themes, QWidget* parent = nullptr);

    void setSeries(HistogramSeries series);
    [[nodiscard]] const HistogramSeries& series() const { return m_series; }
    void setLogCount(bool logCount);
    [[nodiscard]] bool logCount() const { return m_logCount; }
    /// The count at the top of the axis, shared by the variants side by side; 0 = this series' own largest.
    void setCountCeiling(double count);
    [[nodiscard]] static double largestCount(const HistogramSeries& series);
    [[nodiscard]] PlotTable table() const override;
    [[nodiscard]] std::optional<AxisRange> shownClip() const;

 Q_SIGNALS:
    /// While a limit is dragged, at every move.
    void clipDragged(double low, double high);
    void clipDragFinished();
    void logCountChanged(bool logCount);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintOverlay(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;
    bool pressed(const QPointF& position) override;
    void dragged(const QPointF& position) override;
    void released(const QPointF& position) override;
    void hoverMoved(const QPointF& position) override;
    void extendMenu(QMenu& menu) override;

 private:
    enum class Handle { None, Low, High };

    void updateHome();
    void paintLimits(QPainter& painter, const QRect& area) const;
    void paintLevels(QPainter& painter, const QRect& area) const;
    void paintBars(QPainter& painter, const QRect& area, const std::vector<double>& counts,
                   const QColor& color) const;
    void paintOutline(QPainter& painter, const QRect& area) const;
    [[nodiscard]] int baseline(const QRect& area) const;
    [[nodiscard]] double heightOf(double count) const;
    [[nodiscard]] int binAt(double x) const;
    [[nodiscard]] Handle handleAt(const QPointF& position) const;

    HistogramSeries m_series;
    double m_ceiling = 0;
    bool m_logCount = true;
    Handle m_dragging = Handle::None;
    Handle m_hovered = Handle::None;
    std::optional<AxisRange> m_dragClip;
};

}  // namespace quantscope
