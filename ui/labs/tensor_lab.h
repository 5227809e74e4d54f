// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "analysis/tensor/heatmap.h"
#include "app/results/results.h"
#include "labs/inputs_button.h"
#include "labs/lab_widget.h"
#include "plots/link_group.h"

class QGridLayout;

namespace quantscope {

class ChannelView;
class ClipCurveView;
class ErrorSplitView;
class FourPanelHeatmap;
class HistogramView;

/// One tensor under many schemes: histograms side by side, error split, clip curve, channels, heat maps.
class TensorLab : public LabWidget {
    Q_OBJECT
 public:
    explicit TensorLab(ThemeController* themes, QWidget* parent = nullptr);
    [[nodiscard]] const std::vector<HistogramView*>& histograms() const { return m_histograms; }
    [[nodiscard]] ChannelView* channels() const { return m_channels; }
    [[nodiscard]] FourPanelHeatmap* heatmaps() const { return m_heatmaps; }
    [[nodiscard]] ClipCurveView* clipCurve() const { return m_clip; }

 Q_SIGNALS:
    /// While a clip limit of a variant is dragged; finished ends the undo step.
    void clipDragged(int variant, double low, double high);
    void clipDragFinished(int variant);
    /// Clip the variant's range at this share of the largest magnitude.
    void clipRatioChosen(int variant, double ratio);
    void inputChannelBrushed(qint64 channel);
    /// Heat maps and clip curve show this variant.
    void focusVariantChosen(int variant);
    void regionRequested(const quantscope::MatrixRegion& region);
    /// What methods may know of the matrix' inputs; none: what the model's calibration knows.
    void inputsChosen(const quantscope::ChosenInputs& inputs);

 protected:
    void keep(const std::shared_ptr<const LabResults>& results) override;
    void refresh() override;
    bool eventFilter(QObject* watched, QEvent* event) override;

 private:
    void buildErrorRow();
    void buildChannelRow();
    void refreshHistograms();
    void refreshFocus();
    void refreshChannels();
    void arrangeHistograms();
    HistogramView* addHistogram();
    void brush(qint64 channel);

    std::shared_ptr<const TensorResults> m_results;
    InputsButton* m_inputs = nullptr;
    LinkGroup m_link;
    QWidget* m_histogramRow;
    QWidget* m_errorRow = nullptr;
    QGridLayout* m_histogramGrid;
    std::vector<Card*> m_histogramCards;
    std::vector<HistogramView*> m_histograms;
    std::vector<size_t> m_histogramVariants;
    size_t m_shownHistograms = 0;
    int m_columns = 0;
    ErrorSplitView* m_split = nullptr;
    Card* m_splitCard = nullptr;
    ClipCurveView* m_clip = nullptr;
    Card* m_clipCard = nullptr;
    ChannelView* m_channels = nullptr;
    Card* m_channelCard = nullptr;
    HeaderChoice* m_channelChoice = nullptr;
    FourPanelHeatmap* m_heatmaps = nullptr;
    Card* m_heatmapCard = nullptr;
    HeaderChoice* m_focusChoice = nullptr;
    HeaderChoice* m_panelChoice = nullptr;
    /// The parts of a result a plot shows now: one that has the same need not be painted again.
    using Parts = std::vector<std::shared_ptr<const void>>;
    struct ShownHistogram {
        Parts parts;
        double ceiling = 0;
        size_t variant = 0;
        bool operator==(const ShownHistogram&) const = default;
    };
    std::vector<ShownHistogram> m_shownSeries;
    Parts m_shownChannels;
    std::shared_ptr<const void> m_shownMaps;
    std::string m_shownTitle;
    qint64 m_brushed = -1;
    int m_focus = -1;
};

}  // namespace quantscope
