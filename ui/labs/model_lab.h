// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "app/labs/lab.h"
#include "app/results/results.h"
#include "labs/lab_widget.h"

class QLineEdit;
class QPushButton;

namespace quantscope {

class CalibrationButton;
class ComparisonView;
class HeatmapView;
class InsidesPanel;
class KlView;
class LayerPanel;
class PerplexityView;
class ProtocolPanel;
class TokenTextView;

/// What quantization costs a language model: perplexity and KL that fill live, layers, activations, coloured
/// text.
class ModelLab : public LabWidget {
    Q_OBJECT
 public:
    explicit ModelLab(ThemeController* themes, QWidget* parent = nullptr);
    void setWork(const WorkState& work) override;
    /// Shows the experiment's text and number of windows in the header.
    void setRequest(const LabRequest& request) override;
    [[nodiscard]] PerplexityView* perplexity() const { return m_perplexity; }
    [[nodiscard]] ComparisonView* comparison() const { return m_comparison; }
    [[nodiscard]] InsidesPanel* insides() const { return m_insides; }
    [[nodiscard]] LayerPanel* layers() const { return m_layers; }
    [[nodiscard]] TokenTextView* text() const { return m_text; }
    [[nodiscard]] ProtocolPanel* protocol() const { return m_protocol; }

 Q_SIGNALS:
    void textChosen(const QString& path);
    void calibrationChosen(const QString& path);
    /// Saved statistics instead of a text.
    void calibrationFileChosen(const QString& path);
    void saveCalibrationRequested(const QString& path);
    /// Empty: finished layers are not kept.
    void resumeFolderChosen(const QString& folder);
    /// Windows to score; 0 = the whole text.
    void chunksChosen(int chunks);
    /// Rule, window length or stride; `what` names the change.
    void protocolChosen(const quantscope::EvaluationProtocol& protocol, const QString& what);
    void evaluateRequested();
    void cancelRequested();
    void layerSelected(const QString& layer);
    void layerVariantChosen(int variant);
    /// A variant was pointed at: its controls are wanted.
    void variantSelected(int variant);

 protected:
    void keep(const std::shared_ptr<const LabResults>& results) override;
    void refresh() override;
    void refreshBesideError() override { updateHeader(); }

 private:
    void buildHeader();
    void setChunkChoices(const std::vector<int>& choices);
    void buildScoreRow();
    Card* buildComparison();
    void refreshComparison();
    void buildLayerRow();
    void buildTextRow();
    void refreshLayers();
    void refreshText();
    void chooseText();
    Card* buildInsides();
    Card* buildProtocol();
    void refreshInsides();
    void updateHeader();

    std::shared_ptr<const ModelResults> m_results;
    QPushButton* m_textButton = nullptr;
    CalibrationButton* m_calibration = nullptr;
    HeaderChoice* m_chunks = nullptr;
    QPushButton* m_run = nullptr;
    PerplexityView* m_perplexity = nullptr;
    Card* m_perplexityCard = nullptr;
    ComparisonView* m_comparison = nullptr;
    Card* m_comparisonCard = nullptr;
    HeaderChoice* m_comparedBy = nullptr;
    KlView* m_kl = nullptr;
    Card* m_klCard = nullptr;
    LayerPanel* m_layers = nullptr;
    Card* m_layerCard = nullptr;
    HeaderChoice* m_layerVariant = nullptr;
    QLineEdit* m_layerFilter = nullptr;
    HeatmapView* m_activations = nullptr;
    Card* m_activationCard = nullptr;
    InsidesPanel* m_insides = nullptr;
    Card* m_insidesCard = nullptr;
    HeaderChoice* m_insidesChoice = nullptr;
    ProtocolPanel* m_protocol = nullptr;
    TokenTextView* m_text = nullptr;
    Card* m_textCard = nullptr;
    HeaderChoice* m_textVariant = nullptr;
    HeaderChoice* m_textMeasure = nullptr;
    bool m_busy = false;
    QString m_timeLeft;
};

}  // namespace quantscope
