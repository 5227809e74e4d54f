// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/program.h"

#include <QApplication>
#include <QFileInfo>
#include <QStandardPaths>
#include <cstdio>
#include <memory>

#include "app/model_pipeline.h"
#include "app/source_library.h"
#include "app/tensor_pipeline.h"
#include "kernels/kernel_table.h"
#include "program/command_line.h"
#include "program/engine.h"
#include "program/labs.h"
#include "program/screenshot.h"
#include "shell/main_window.h"
#include "shell/session_controller.h"
#include "shell/session_file.h"
#include "shell/variants_panel.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr int kUsage = 2;

int report(const Error& error, int exitCode) {
    std::fprintf(stderr, "quantscope: %s\n", describe(error).c_str());
    return exitCode;
}

std::string lastSessionPath() {
    return (QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) +
            QStringLiteral("/last-session.json"))
        .toStdString();
}

/// The files a session names must still be there, or the window would open with errors nobody asked for.
bool filesExist(const Experiment& experiment) {
    const auto exists = [](const std::string& path) {
        return path.empty() || QFileInfo::exists(QString::fromStdString(path));
    };
    const auto* tensor = std::get_if<TensorSource>(&experiment.matrix);
    return exists(experiment.model.modelPath) && exists(experiment.model.textPath) &&
           (!tensor || exists(tensor->path));
}

/// What the window shows first: the last session, the samples, or a generated tensor.
Session firstSession(const ProgramOptions& options, const std::optional<Samples>& samples) {
    Session session;
    const bool asked = !options.screenshot.isEmpty() || !options.files.isEmpty() || !options.source.isEmpty();
    if (!asked) {
        if (auto last = loadSession(lastSessionPath()); last && filesExist(last->experiment)) return *last;
    }
    if (samples) {
        session.experiment = sampleExperiment(*samples);
    } else {
        session.experiment.matrix = SyntheticSource{"laplace"};
        session.experiment.variants = defaultVariants();
    }
    if (!options.source.isEmpty()) session.experiment.matrix = SyntheticSource{options.source.toStdString()};
    return session;
}

void prepare(MainWindow& window, const ProgramOptions& options) {
    addLabs(window, *window.parts().themes, *window.parts().session);
    window.showLab(options.lab);
    for (const QString& file : options.files) window.openPath(file);
    if (!options.tensor.isEmpty()) window.chooseTensor(options.tensor);
    if (options.openVariant >= 0) window.variantsPanel()->openCard(options.openVariant);
    if (options.size.isValid()) window.resize(options.size);
}

int runWindow(const ProgramOptions& options, const KernelTable& kernels) {
    std::optional<Samples> samples;
    if (auto found = findSamples(QCoreApplication::applicationDirPath().toStdString(),
                                 qEnvironmentVariable("QUANTSCOPE_SAMPLES").toStdString())) {
        samples = *found;
    }
    Session first = firstSession(options, samples);
    if (!options.variants.isEmpty()) {
        const auto variants = parseVariants(options.variants.toStdString());
        if (!variants) return report(variants.error(), kUsage);
        first.experiment.variants = *variants;
    }
    SourceLibrary sources(kernels);
    TensorPipeline tensorPipeline(sources, kernels);
    ModelPipeline modelPipeline(sources, kernels);
    ThemeController themes;
    themes.setDark(options.dark || first.window.dark);
    themes.setPresentation(options.presentation);
    themes.applyTo(*qApp);
    SessionController session(engineOf(tensorPipeline, modelPipeline), first.experiment);
    WindowParts parts;
    parts.themes = &themes;
    parts.session = &session;
    parts.sources = &sources;
    parts.samples = samples;
    parts.kernelName = QString::fromLatin1(kernels.name.data(), static_cast<qsizetype>(kernels.name.size()));
    parts.remembers = options.screenshot.isEmpty();
    MainWindow window(parts);
    prepare(window, options);
    std::unique_ptr<Screenshot> screenshot;
    if (!options.screenshot.isEmpty()) {
        screenshot = std::make_unique<Screenshot>(&window, options.screenshot, options.waitSeconds);
    }
    window.show();
    return QApplication::exec();
}

}  // namespace

int runProgram(int argc, char** argv) {
    QApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("quantscope"));
    QCoreApplication::setOrganizationName(QStringLiteral("quantscope"));
    const auto options = readCommandLine(QCoreApplication::arguments());
    if (!options) return report(options.error(), kUsage);
    if (options->printedAndDone) return 0;
    const auto kernels =
        chooseKernels(detectCpuFeatures(), qEnvironmentVariable("QUANTSCOPE_KERNELS").toStdString());
    if (!kernels) return report(kernels.error(), kUsage);
    return runWindow(*options, **kernels);
}

}  // namespace quantscope
