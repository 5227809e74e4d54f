// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// One bar a channel, or a bar for `channelsPerBar` neighbours that shows the largest of them.
struct ChannelSeries {
    std::vector<double> absMax;
    std::vector<int64_t> channel;  ///< which channel a bar shows
    std::vector<double> p99;       ///< of |value| in that channel; may be empty
    std::vector<double> median;    ///< of |value|; may be empty
    int64_t channels = 0;
    double channelsPerBar = 1;
    double threshold = 0;     ///< at or above: an outlier; 0 = none
    double medianAbsMax = 0;  ///< over the channels
    QString axisName;         ///< "input channel"
    bool preview = false;
};

/// Largest magnitude of every channel on a logarithmic axis; outliers coloured; one channel marked by hover
/// or click.
class ChannelView : public PlotView {
    Q_OBJECT
 public:
    explicit ChannelView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(ChannelSeries series);
    [[nodiscard]] const ChannelSeries& series() const { return m_series; }
    /// Channel drawn as marked; -1 = none.
    void setMarked(int64_t channel);
    [[nodiscard]] int64_t marked() const { return m_marked; }
    [[nodiscard]] PlotTable table() const override;

 Q_SIGNALS:
    void channelBrushed(qint64 channel);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintOverlay(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    void hoverMoved(const QPointF& position) override;
    void hoverLeft() override { m_hovered = -1; }
    void clicked(const QPointF& position) override;

 private:
    void paintBars(QPainter& painter, const QRect& area, const std::vector<double>& heights,
                   const std::function<QColor(int)>& colorOf) const;
    [[nodiscard]] QString textOf(size_t bar) const;
    [[nodiscard]] int barAt(const QPointF& position) const;
    [[nodiscard]] int barOf(int64_t channel) const;
    [[nodiscard]] bool isOutlier(size_t bar) const;

    ChannelSeries m_series;
    int64_t m_marked = -1;
    int m_hovered = -1;
};

}  // namespace quantscope
