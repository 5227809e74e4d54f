// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "app/experiment/source_library.h"
#include "model/model.h"

class QWidget;

namespace quantscope {

class Document;
class ThemeController;

/// What a lab asks of the window, or of whatever else it stands in.
class LabHost {
 public:
    virtual ~LabHost() = default;
    /// Opens a checkpoint, a session or a text.
    virtual void openPath(const QString& path) = 0;
    /// Writes the statistics of the calibration text to `path` in the background.
    virtual void saveCalibrationTo(const QString& path) = 0;
    /// Shows the controls of a variant.
    virtual void openVariant(int variant) = 0;
    /// Layers of the experiment's model that deserve a mark wherever their names stand: outlier channels.
    virtual void markLayers(const std::set<std::string>& layers) = 0;
};

/// What a lab's widget is made with; everything outlives it.
struct LabContext {
    ThemeController* themes = nullptr;
    Document* document = nullptr;
    LabHost* host = nullptr;
    std::optional<Samples> samples;
};

/// A lab on the window's side: a value in a list, beside the engine's `Lab` of the same id. The frame knows
/// the list and nothing of its members.
struct LabDescriptor {
    std::string id;  ///< "tensor"
    QString title;   ///< of its tab
    QString tip;
    /// The widget, connected to the document: shows its results and edits it.
    std::function<QWidget*(const LabContext&)> make;

    // What may be left out:

    /// The variants that the panel beside it edits; none given: those of the experiment.
    std::function<std::vector<Variant>&(Experiment&)> variants = {};
    /// The matrix that the tree of sources marks, and what choosing another one there means. `layers`: those
    /// of the experiment's model. None given: those of the first lab that has them.
    std::function<MatrixSource(const Experiment&)> source = {};
    std::function<void(Experiment&, const MatrixSource& chosen, std::span<const LinearInfo> layers)>
        chooseSource = {};
    /// The variant that it looks at.
    std::function<int(const LabValues&)> currentVariant = {};
    /// It is what a model is opened for.
    bool showsModels = false;
};

/// The variants that are edited beside a lab.
std::vector<Variant> variantsOf(const LabDescriptor& lab, const Experiment& experiment);

}  // namespace quantscope
