// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMargins>
#include <QPointer>
#include <QVector>
#include <QWidget>
#include <memory>
#include <optional>

#include "plots/link_group.h"
#include "plots/plot_table.h"
#include "theme/theme.h"

class QCustomPlot;
class QKeyEvent;
class QMenu;
class QMouseEvent;
class QPainter;
class QWheelEvent;

namespace quantscope {

struct PlotExport;
class ThemeController;

/// Which axes the wheel and the zoom rectangle change.
enum class ZoomAxes { None, X, Both };

/// What every plot of the window can do: zoom (wheel, drag a rectangle), pan (Shift + drag, middle button),
/// reset (double click, Home), crosshair linked across a LinkGroup, copy, save as PNG/SVG/PDF/CSV, "what am I
/// looking at". It holds a QCustomPlot for axes, buffers and export; a view paints its data itself with
/// pixel-aligned opaque rectangles, because translucent or antialiased fills are 20-100 times slower on a
/// software renderer.
class PlotView : public QWidget {
    Q_OBJECT
 public:
    explicit PlotView(ThemeController* themes, QWidget* parent = nullptr);
    ~PlotView() override;

    void setLinkGroup(LinkGroup* group);
    void resetZoom();
    [[nodiscard]] bool isZoomed() const { return m_zoomed; }
    [[nodiscard]] AxisRange xRange() const;
    [[nodiscard]] AxisRange yRange() const;
    /// Zooms, as the user would.
    void zoomTo(const AxisRange& x, const AxisRange& y);
    /// Where data coordinates lie in this widget.
    [[nodiscard]] QPointF positionOf(double x, double y) const;
    /// The rectangle the data is drawn in.
    [[nodiscard]] QRect plotArea() const;
    /// Data x of the crosshair, when it shows.
    [[nodiscard]] std::optional<double> crosshairX() const;

    /// Text of "what am I looking at", a few sentences of rich text with the formula.
    void setExplanation(const QString& richText) { m_explanation = richText; }
    [[nodiscard]] QString explanation() const { return m_explanation; }
    /// Name offered when saving: "histogram-C".
    void setExportName(const QString& name) { m_exportName = name; }

    /// Writes the plot as it looks now; the suffix (png, svg, pdf, csv) chooses the form. False with the
    /// reason.
    bool saveTo(const QString& path, QString* reason = nullptr);
    [[nodiscard]] QPixmap picture(double scale = 1);
    /// For savePlot() and others; valid while the view lives.
    [[nodiscard]] PlotExport exported();
    void copyPicture();
    void copyTable();
    [[nodiscard]] virtual PlotTable table() const = 0;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;
    bool eventFilter(QObject* watched, QEvent* event) override;

 Q_SIGNALS:
    /// What lies under the cursor, in one line; empty when the cursor left.
    void hovered(const QString& text);
    void zoomChanged();

 protected:
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    virtual void paintData(QPainter& painter, const QRect& area) = 0;
    /// Beside the data, not clipped to the area: a colour scale, row labels.
    virtual void paintMargins(QPainter& painter, const QRect& area);
    /// Over the data, on its own buffer: hover feedback repaints only this.
    virtual void paintOverlay(QPainter& painter, const QRect& area);
    virtual void themeChanged() {}
    /// One line for the position, empty for none.
    [[nodiscard]] virtual QString hoverText(double x, double y) const;
    /// The label at the crosshair; x comes from this plot or a linked one.
    [[nodiscard]] virtual QString crosshairText(double x, double y) const;
    virtual void hoverMoved(const QPointF& position);
    virtual void hoverLeft() {}
    /// True takes the drag for the view itself (a clip limit), so that it does not zoom.
    virtual bool pressed(const QPointF& position);
    virtual void dragged(const QPointF& position);
    virtual void released(const QPointF& position);
    virtual void clicked(const QPointF& position);
    virtual void extendMenu(QMenu& menu);
    virtual void rangesMoved() {}

    [[nodiscard]] const Theme& theme() const;
    [[nodiscard]] ThemeController* themes() const { return m_themes; }
    [[nodiscard]] QCustomPlot* plot() const { return m_plot; }
    [[nodiscard]] double xAt(double pixel) const;
    [[nodiscard]] double yAt(double pixel) const;
    [[nodiscard]] double pixelX(double x) const;
    [[nodiscard]] double pixelY(double y) const;
    [[nodiscard]] QFont labelFont() const;
    [[nodiscard]] QFont tickFont() const;

    /// The unzoomed ranges; follows at once unless the user has zoomed.
    void setHome(const AxisRange& x, const AxisRange& y);
    void setZoomAxes(ZoomAxes axes) { m_zoomAxes = axes; }
    void setLogX(int maximumLabels = 7);
    void setLogY(int maximumLabels = 6);
    void setAxisLabels(const QString& x, const QString& y = {});
    void showAxes(bool x, bool y);
    void setCrosshairEnabled(bool enabled) { m_crosshairEnabled = enabled; }
    void setDragPans(bool pans) { m_dragPans = pans; }
    void setYReversed(bool reversed);
    /// Room kept free around the data, at least, in pixels at scale 1.
    void reserveMargins(int left, int top, int right, int bottom);
    /// Ticks with texts at given positions instead of numbers.
    void setTextTicks(Qt::Orientation orientation, const QVector<double>& positions,
                      const QVector<QString>& texts);
    void setTickCount(int x, int y);
    /// Smallest zoomed size in data units (one element of a map).
    void setMinimumSpan(double x, double y) { m_minimumSpan = {x, y}; }
    [[nodiscard]] double crosshairY() const { return m_crosshair ? m_crosshair->y() : 0; }
    /// After a ticker was set: shows as many labels as there is room for.
    void fitAxes();
    void requestReplot();
    void requestOverlay();

 private:
    struct Drag {
        QPoint start;
        QPoint current;
        AxisRange x;
        AxisRange y;
        enum class Kind { Own, Rectangle, Pan } kind = Kind::Rectangle;
        bool moved = false;
    };

    void applyTheme();
    void buildMenu(const QPoint& globalPosition);
    void explain();
    void applyRanges(const AxisRange& x, const AxisRange& y);
    void zoomBy(double factor, const QPointF& centre, bool xOnly);
    void shareRanges();
    void drawOverlay(QPainter& painter);
    void drawCrosshair(QPainter& painter, const QRect& area);
    bool handleMouse(QEvent* event);
    bool handlePress(QMouseEvent* event);
    bool handleMove(QMouseEvent* event);
    bool handleRelease(QMouseEvent* event);
    bool handleWheel(QWheelEvent* event);
    bool handleKey(QKeyEvent* event);
    void panTo(const QPoint& position);
    void setCrosshair(std::optional<QPointF> position, bool tellOthers);
    [[nodiscard]] AxisRange limited(AxisRange range, const AxisRange& home, double minimumSpan,
                                    bool logarithmic) const;

    ThemeController* m_themes;
    QCustomPlot* m_plot;
    QPointer<LinkGroup> m_link;
    AxisRange m_homeX;
    AxisRange m_homeY;
    QString m_xLabel;
    QString m_yLabel;
    QPointF m_minimumSpan{0, 0};
    QMargins m_margins{4, 4, 6, 2};
    ZoomAxes m_zoomAxes = ZoomAxes::X;
    bool m_zoomed = false;
    bool m_painted = false;
    bool m_crosshairEnabled = true;
    bool m_dragPans = false;
    std::optional<QPointF> m_crosshair;
    std::optional<Drag> m_drag;
    QString m_explanation;
    QString m_exportName = QStringLiteral("plot");
};

}  // namespace quantscope
