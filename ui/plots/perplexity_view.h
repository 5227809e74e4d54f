// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

struct PerplexityBar {
    int variant = 0;
    QString name;
    double perplexity = 0;
    double standardError = 0;
    double deltaNll = 0;  ///< against the reference, paired, nats a token
    double deltaNllSe = 0;
    bool isReference = false;
};

struct PerplexitySeries {
    std::vector<PerplexityBar> bars;
    bool complete = true;
    QString progress;  ///< "14 of 17 windows", while incomplete
};

/// A bar a variant with its standard error, the reference as a dashed line, differences in nats below.
class PerplexityView : public PlotView {
    Q_OBJECT
 public:
    explicit PerplexityView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(PerplexitySeries series);
    [[nodiscard]] PlotTable table() const override;
    /// Perplexity at the top of the axis: bars above it are drawn broken.
    [[nodiscard]] double ceiling() const { return m_ceiling; }

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintMargins(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;

 private:
    /// Where a variant's bar and its whisker lie, in pixels.
    struct BarPlace {
        QRect slot;
        QRect bar;
        int high = 0;  ///< ends of the whisker; both the bar's top where it has none
        int low = 0;
        bool broken = false;
        QColor color;
    };
    [[nodiscard]] BarPlace placeOf(const QRect& area, size_t index) const;
    void paintBar(QPainter& painter, const BarPlace& place) const;
    void paintValue(QPainter& painter, const QRect& area, const BarPlace& place, double value) const;
    [[nodiscard]] QRect slot(const QRect& area, size_t index) const;

    PerplexitySeries m_series;
    double m_ceiling = 1;
};

}  // namespace quantscope
