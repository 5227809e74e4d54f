// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <memory>
#include <optional>

#include "app/experiment/matmul_choices.h"
#include "app/labs/lab.h"
#include "app/results/matmul_results.h"
#include "labs/lab_widget.h"

class QLabel;
class QPushButton;

namespace quantscope {

class AccumulatorView;
class ArithmeticView;
class KernelView;
class ProductView;
class RooflineView;

/// X W in integers, step by step: codes, the growing accumulator, zero-point terms and the integer output
/// stage, the exact result beside it; and the whole product timed on every kernel.
class MatmulLab : public LabWidget {
    Q_OBJECT
 public:
    explicit MatmulLab(ThemeController* themes, QWidget* parent = nullptr);
    /// The samples offered as sources; none by default.
    void setSamples(std::optional<Samples> samples) { m_samples = std::move(samples); }
    void setRequest(const LabRequest& request) override;

    void stepForward();
    void stepBack();
    void setPlaying(bool playing);
    [[nodiscard]] bool isPlaying() const { return m_play.isActive(); }
    void setStep(qint64 step);
    [[nodiscard]] qint64 step() const { return m_step; }

    [[nodiscard]] ProductView* product() const { return m_product; }
    [[nodiscard]] ArithmeticView* stepText() const { return m_stepText; }
    [[nodiscard]] ArithmeticView* resultText() const { return m_resultText; }
    [[nodiscard]] ArithmeticView* costText() const { return m_costText; }
    [[nodiscard]] AccumulatorView* accumulators() const { return m_accumulators; }
    [[nodiscard]] KernelView* kernels() const { return m_kernels; }
    [[nodiscard]] RooflineView* roofline() const { return m_roofline; }

 Q_SIGNALS:
    void sourceChosen(const quantscope::MatmulSource& source);
    void variantChosen(int variant);
    void cellChosen(qint64 row, qint64 channel);
    void stepChosen(qint64 step);
    void reluChosen(bool relu);
    /// Time the product on every kernel (again).
    void measureRequested();

 protected:
    void keep(const std::shared_ptr<const LabResults>& results) override;
    void refresh() override;
    void refreshBesideError() override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

 private:
    void buildHeader();
    void buildProductRow();
    void buildResultRow();
    void buildCostRow();
    void addKeys();
    void chooseCell(qint64 row, qint64 channel, qint64 step);
    void moveCell(int rows, int channels);
    void playOn();
    void refreshChoices();
    void refreshProduct();
    void fitStepText();
    void refreshStep();
    void refreshCosts();
    [[nodiscard]] qint64 depth() const;

    std::shared_ptr<const MatmulResults> m_results;
    std::optional<Samples> m_samples;
    MatmulChoices m_choices;
    MatmulSource m_source;
    qint64 m_step = 0;
    bool m_measures = false;
    QTimer m_play;

    HeaderChoice* m_xChoice = nullptr;
    HeaderChoice* m_wChoice = nullptr;
    HeaderChoice* m_variantChoice = nullptr;
    HeaderChoice* m_reluChoice = nullptr;
    HeaderChoice* m_speedChoice = nullptr;
    QLabel* m_stepLabel = nullptr;
    QPushButton* m_playButton = nullptr;
    QPushButton* m_measureButton = nullptr;
    ProductView* m_product = nullptr;
    Card* m_productCard = nullptr;
    ArithmeticView* m_stepText = nullptr;
    ArithmeticView* m_resultText = nullptr;
    Card* m_resultCard = nullptr;
    AccumulatorView* m_accumulators = nullptr;
    Card* m_accumulatorCard = nullptr;
    KernelView* m_kernels = nullptr;
    Card* m_kernelCard = nullptr;
    RooflineView* m_roofline = nullptr;
    Card* m_rooflineCard = nullptr;
    ArithmeticView* m_costText = nullptr;
    Card* m_costCard = nullptr;
};

}  // namespace quantscope
