// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <array>

#include "plots/heatmap_view.h"

class QGridLayout;

namespace quantscope {

class ElidedLabel;

/// Original, codes, dequantized and error of one matrix: four maps that zoom, pan and point together, and a
/// line with the arithmetic of the element under the cursor.
class FourPanelHeatmap : public QWidget {
    Q_OBJECT
 public:
    enum Panel { Original, Codes, Dequantized, Error };

    explicit FourPanelHeatmap(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(std::array<HeatmapSeries, 4> series);
    [[nodiscard]] HeatmapView* panel(Panel panel) const { return m_panels[static_cast<size_t>(panel)]; }
    /// Shows one panel large, or all four (-1).
    void showOnly(int panel);
    void setMarked(int64_t row, int64_t col);
    /// The arithmetic of the element under the cursor, worded by the engine.
    void setSentence(const QString& sentence);
    [[nodiscard]] QString sentence() const;

 Q_SIGNALS:
    void elementHovered(qint64 row, qint64 col);
    void elementLeft();
    void elementClicked(qint64 row, qint64 col);
    void regionRequested(const quantscope::CellRegion& region);

 protected:
    void resizeEvent(QResizeEvent* event) override;

 private:
    void arrange();

    LinkGroup m_link{true};
    std::array<HeatmapView*, 4> m_panels{};
    QGridLayout* m_grid;
    ElidedLabel* m_sentence;
    int m_only = -1;
    int m_columns = 0;
};

}  // namespace quantscope
