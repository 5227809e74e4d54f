// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "app/results/results.h"

namespace quantscope {

class BeforeAfterView;
class LossCurveView;
class ThemeController;

/// What a method did on one layer: channel maxima before and after (SmoothQuant), loss over alpha (AWQ, and
/// SmoothQuant's search). Where there are both, one at a time.
class InsidesPanel : public QWidget {
    Q_OBJECT
 public:
    explicit InsidesPanel(ThemeController* themes, QWidget* parent = nullptr);
    void setInsides(const quantscope::LayerInsides& insides, int variant);
    /// The loss instead of the maxima, where there are both.
    void preferLoss(bool loss);
    [[nodiscard]] bool hasBoth() const { return m_hasMaxima && m_hasLoss; }
    [[nodiscard]] BeforeAfterView* inputs() const { return m_inputs; }
    [[nodiscard]] BeforeAfterView* weights() const { return m_weights; }
    [[nodiscard]] LossCurveView* loss() const { return m_loss; }
    [[nodiscard]] static QString explanation();

 private:
    void showChosen();

    bool m_hasMaxima = false;
    bool m_hasLoss = false;
    bool m_prefersLoss = false;
    BeforeAfterView* m_inputs;
    BeforeAfterView* m_weights;
    LossCurveView* m_loss;
};

}  // namespace quantscope
