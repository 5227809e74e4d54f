// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>
#include <optional>
#include <string>
#include <vector>

#include "app/experiment/tensor_part.h"

class QAction;
class QMenu;

namespace quantscope {

/// Inputs that were chosen; none: the model's own calibration. A type of its own, because Qt would compare
/// the arguments of a signal, which the sources inside do not.
struct ChosenInputs {
    std::optional<MatrixSource> source;
};

/// "inputs: of the model ▾": what methods may know of the inputs of the matrix beside it. The model's
/// calibration, synthetic inputs, those captured from one of its layers, or a file [tokens x in].
class InputsButton : public QPushButton {
    Q_OBJECT
 public:
    explicit InputsButton(QWidget* parent = nullptr);
    /// `capturable`: layers of the model whose inputs are as wide as the matrix.
    void setState(const TensorPart& part, const ModelSource& model,
                  const std::vector<std::string>& capturable);

 Q_SIGNALS:
    void chosen(const quantscope::ChosenInputs& inputs);

 private:
    void chooseFile();

    QMenu* m_captured;
    QAction* m_ofModel;
    ModelSource m_model;
    std::vector<std::string> m_layers;
};

}  // namespace quantscope
