// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// One variant in the comparison.
struct ComparisonPoint {
    int variant = 0;
    QString name;  ///< "C  int4 channel"
    double bitsPerWeight = 0;
    double loss = 0;
    double standardError = 0;
    bool isReference = false;
    QString details;  ///< the row of numbers that hovering shows
};

struct ComparisonSeries {
    std::vector<ComparisonPoint> points;
    std::vector<size_t> front;  ///< the best at their size, by ascending bits per weight
    QString lossName;           ///< of the y axis: "perplexity"
    QString lossKey;            ///< column of the table: "perplexity"
    double reference = 0;       ///< the reference's loss; 0 cannot be shown on the axis
    /// Losses above so many times the reference stand at the upper edge; 0 = never.
    double tallest = 0;
    bool complete = true;
    QString progress;  ///< "3 of 8 windows", while incomplete
};

/// Loss over bits per weight, a point a variant, both axes logarithmic; the points that no other beats in
/// both are joined by steps, the reference is a dashed line. Click chooses a variant.
class ComparisonView : public PlotView {
    Q_OBJECT
 public:
    explicit ComparisonView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(ComparisonSeries series);
    void setSelected(int variant);
    [[nodiscard]] const ComparisonSeries& series() const { return m_series; }
    [[nodiscard]] PlotTable table() const override;
    /// Where a point is drawn: off-scale losses at the upper edge.
    [[nodiscard]] QPointF pointAt(size_t index) const;
    /// The label boxes of the last painting, in the order of the points; empty where none had room.
    [[nodiscard]] const std::vector<QRectF>& labels() const { return m_labels; }

 Q_SIGNALS:
    void variantSelected(int variant);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintOverlay(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    void hoverMoved(const QPointF& position) override;
    void hoverLeft() override { m_hovered = -1; }
    void clicked(const QPointF& position) override;

 private:
    void setRanges();
    void paintReference(QPainter& painter, const QRect& area) const;
    void paintPoint(QPainter& painter, size_t index) const;
    void paintLabels(QPainter& painter, const QRect& area);
    [[nodiscard]] QString labelOf(size_t index, bool brief) const;
    [[nodiscard]] std::vector<QRectF> placed(const std::vector<bool>& brief, const QFontMetrics& metrics,
                                             const QRect& area, const std::vector<QRectF>& taken) const;
    [[nodiscard]] QPolygonF steps(const QRect& area) const;
    [[nodiscard]] QRectF whisker(size_t index) const;
    [[nodiscard]] bool isBeyond(size_t index) const;
    [[nodiscard]] int nearest(const QPointF& position) const;

    ComparisonSeries m_series;
    std::vector<QRectF> m_labels;
    double m_ceiling = 1;
    int m_selected = -1;
    int m_hovered = -1;
};

}  // namespace quantscope
