// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QTimer>
#include <cstdint>
#include <memory>
#include <span>

#include "plots/color_maps.h"
#include "plots/plot_view.h"

namespace quantscope {

/// Rows [rowBegin, rowEnd), columns [colBegin, colEnd).
struct CellRegion {
    int64_t rowBegin = 0;
    int64_t rowEnd = 0;
    int64_t colBegin = 0;
    int64_t colEnd = 0;
    bool operator==(const CellRegion&) const = default;
};

/// A picture of a region of a matrix. Cells cover rowsPerCell x colsPerCell elements. The values stay where
/// they are: `owner` keeps them alive.
struct HeatmapSeries {
    std::shared_ptr<const void> owner;
    std::span<const float> values;  ///< row-major, cellRows x cellCols
    int64_t cellRows = 0;
    int64_t cellCols = 0;
    int64_t rowsPerCell = 1;
    int64_t colsPerCell = 1;
    CellRegion region;
    int64_t totalRows = 0;
    int64_t totalCols = 0;
    ColorMap map = ColorMap::Viridis;
    double low = 0;  ///< colour scale
    double high = 1;
    bool logMagnitude = false;  ///< colour by log10 |value|; low and high are magnitudes then
    QString rowName = QStringLiteral("row");
    QString colName = QStringLiteral("column");
    bool preview = false;
    QString sentence;  ///< what stands in the place of a picture without cells
};

/// Matrix as colours: wheel zooms both axes, drag pans, the region on screen is asked for in finer detail.
/// Where several cells share a pixel the one of largest magnitude shows, so that no outlier disappears.
class HeatmapView : public PlotView {
    Q_OBJECT
 public:
    explicit HeatmapView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(HeatmapSeries series);
    [[nodiscard]] const HeatmapSeries& series() const { return m_series; }
    void setTitle(const QString& title);
    /// Row and column drawn as marked; -1 = none.
    void setMarked(int64_t row, int64_t col);
    /// Where the colour scale stands: beside the picture, or short at the right end of the title's line,
    /// which leaves small pictures their width; those give up their axes, too.
    enum class ScalePlace { Side, TitleLine };
    void setScalePlace(ScalePlace place);
    [[nodiscard]] PlotTable table() const override;
    /// "rows 96-143, column 12: -0.41", of the cell that covers the element; empty outside.
    [[nodiscard]] QString cellText(int64_t row, int64_t col) const;

 Q_SIGNALS:
    void elementHovered(qint64 row, qint64 col);
    void elementLeft();
    void elementClicked(qint64 row, qint64 col);
    /// The picture is coarser than the screen could show, or does not cover it.
    void regionRequested(const quantscope::CellRegion& region);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintMargins(QPainter& painter, const QRect& area) override;
    void paintOverlay(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;
    void hoverMoved(const QPointF& position) override;
    void hoverLeft() override;
    void clicked(const QPointF& position) override;
    void rangesMoved() override;
    void themeChanged() override;
    void resizeEvent(QResizeEvent* event) override;

 private:
    void arrangeMargins();
    void paintTitleLine(QPainter& painter, const QRect& area);
    void paintSideScale(QPainter& painter, const QRect& area);
    void buildImage(const QRect& area);
    void requestRegion();
    [[nodiscard]] int colorIndex(float value) const;
    [[nodiscard]] const float* cellAt(int64_t row, int64_t col) const;
    [[nodiscard]] bool elementAt(const QPointF& position, int64_t& row, int64_t& col) const;

    HeatmapSeries m_series;
    ColorTable m_colors{};
    QString m_title;
    QImage m_image;
    QRect m_imageArea;
    bool m_imageStale = true;
    ScalePlace m_scalePlace = ScalePlace::Side;
    int64_t m_markedRow = -1;
    int64_t m_markedCol = -1;
    CellRegion m_asked;
    QTimer m_regionTimer;
};

}  // namespace quantscope
