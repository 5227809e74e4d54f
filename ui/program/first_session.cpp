// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/first_session.h"

#include <QFileInfo>
#include <QStandardPaths>
#include <algorithm>

#include "app/experiment/tensor_part.h"
#include "app/labs/labs.h"

namespace quantscope {

std::string lastSessionPath() {
    return (QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) +
            QStringLiteral("/last-session.json"))
        .toStdString();
}

namespace {

/// The files a session names must still be there, or the window would open with errors nobody asked for.
bool filesExist(const Experiment& experiment, const std::vector<Lab>& known) {
    const auto exists = [](const std::string& path) {
        return path.empty() || QFileInfo::exists(QString::fromStdString(path));
    };
    const auto checkpoints = checkpointsOf(experiment, known);
    return std::all_of(checkpoints.begin(), checkpoints.end(), exists) && exists(experiment.model.textPath) &&
           exists(experiment.model.calibrationPath) && exists(experiment.model.calibrationFile);
}

}  // namespace

FirstSession firstSession(const ProgramOptions& options, const std::optional<Samples>& samples,
                          const std::vector<Lab>& known) {
    FirstSession first;
    first.lab = options.lab;
    Session& session = first.session;
    const bool asked = !options.screenshot.isEmpty() || !options.files.isEmpty() || !options.source.isEmpty();
    if (!asked) {
        auto last = loadSession(lastSessionPath(), known);
        if (last && filesExist(last->request.experiment, known)) {
            if (first.lab.isEmpty()) first.lab = last->window.lab;
            first.session = std::move(*last);
            return first;
        }
    }
    Experiment& experiment = session.request.experiment;
    if (samples) {
        session.request = {sampleExperiment(*samples), sampleViews()};
    } else {
        experiment.edit<TensorPart>().matrix = SyntheticSource{"laplace"};
        experiment.variants = defaultVariants();
    }
    addMissingParts(experiment, known);
    if (!options.source.isEmpty())
        experiment.edit<TensorPart>().matrix = SyntheticSource{options.source.toStdString()};
    return first;
}

}  // namespace quantscope
