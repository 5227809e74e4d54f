// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/first_session.h"

#include <QFileInfo>
#include <QStandardPaths>

namespace quantscope {

std::string lastSessionPath() {
    return (QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) +
            QStringLiteral("/last-session.json"))
        .toStdString();
}

namespace {

/// The files a session names must still be there, or the window would open with errors nobody asked for.
bool filesExist(const Experiment& experiment) {
    const auto exists = [](const std::string& path) {
        return path.empty() || QFileInfo::exists(QString::fromStdString(path));
    };
    const auto* tensor = std::get_if<TensorSource>(&experiment.matrix);
    return exists(experiment.model.modelPath) && exists(experiment.model.textPath) &&
           exists(experiment.model.calibrationPath) && exists(experiment.model.calibrationFile) &&
           (!tensor || exists(tensor->path));
}

}  // namespace

FirstSession firstSession(const ProgramOptions& options, const std::optional<Samples>& samples) {
    FirstSession first;
    first.lab = options.lab.value_or(LabKind::Tensor);
    Session& session = first.session;
    const bool asked = !options.screenshot.isEmpty() || !options.files.isEmpty() || !options.source.isEmpty();
    if (!asked) {
        auto last = loadSession(lastSessionPath());
        if (last && filesExist(last->experiment)) {
            if (!options.lab) first.lab = labNamed(last->window.lab);
            first.session = std::move(*last);
            return first;
        }
    }
    if (samples) {
        session.experiment = sampleExperiment(*samples);
    } else {
        session.experiment.matrix = SyntheticSource{"laplace"};
        session.experiment.variants = defaultVariants();
        session.experiment.products = defaultProducts();
    }
    if (!options.source.isEmpty()) session.experiment.matrix = SyntheticSource{options.source.toStdString()};
    return first;
}

}  // namespace quantscope
