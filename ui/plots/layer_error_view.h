// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// Relative output error of one linear layer (shares, not per cent). NaN = not measured.
struct LayerErrorBar {
    QString name;  ///< "blk.3.ffn_down"
    double local = 0;
    double accumulated = 0;
    int64_t outlierChannels = 0;
};

struct LayerErrorSeries {
    std::vector<LayerErrorBar> layers;
    int variant = 1;
    bool weightOnly = false;  ///< `local` is the weights' error: no text was run
    bool preview = false;
    bool sorted = false;              ///< by something else than the place in the model
    std::optional<double> threshold;  ///< a share; layers above it are marked
};

/// Bars: the error a layer makes by itself on float inputs; line: what has piled up until there. Click
/// chooses a layer.
class LayerErrorView : public PlotView {
    Q_OBJECT
 public:
    explicit LayerErrorView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(LayerErrorSeries series);
    void setSelected(const QString& layer);
    [[nodiscard]] QString selected() const { return m_selected; }
    [[nodiscard]] PlotTable table() const override;

 Q_SIGNALS:
    void layerSelected(const QString& layer);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintOverlay(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    void hoverMoved(const QPointF& position) override;
    void hoverLeft() override { m_hovered = -1; }
    void clicked(const QPointF& position) override;

 private:
    void setBlockTicks();
    void paintLine(QPainter& painter) const;
    [[nodiscard]] int layerAt(double x) const;
    [[nodiscard]] int indexOf(const QString& layer) const;

    LayerErrorSeries m_series;
    QString m_selected;
    int m_hovered = -1;
};

}  // namespace quantscope
