// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/program.h"

#include <QApplication>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string_view>

#include "app/labs/engine.h"
#include "base/out_of_memory.h"
#include "kernels/kernel_set.h"
#include "program/command_line.h"
#include "program/first_session.h"
#include "program/labs.h"
#include "program/screenshot.h"
#include "shell/calibration_saver.h"
#include "shell/main_window.h"
#include "shell/model_exporter.h"
#include "shell/variants_panel.h"
#include "theme/theme_controller.h"
#include "widgets/document.h"

namespace quantscope {
namespace {

constexpr int kUsage = 2;
constexpr int kFailed = 3;

int report(const Error& error, int exitCode) {
    std::fprintf(stderr, "quantscope: %s\n", describe(error).c_str());
    return exitCode;
}

void prepare(MainWindow& window, const ProgramOptions& options, const QString& lab) {
    window.showLab(lab.toStdString());
    for (const QString& file : options.files) window.openPath(file);
    if (!options.tensor.isEmpty()) window.chooseTensor(options.tensor);
    if (options.openVariant >= 0) window.variantsPanel()->openCard(options.openVariant);
    if (options.size.isValid()) window.resize(options.size);
}

int runWindow(const ProgramOptions& options, KernelSet& kernels) {
    std::optional<Samples> samples;
    if (auto found = findSamples(QCoreApplication::applicationDirPath().toStdString(),
                                 qEnvironmentVariable("QUANTSCOPE_SAMPLES").toStdString())) {
        samples = *found;
    }
    Engine engine(kernels);
    FirstSession start = firstSession(options, samples, engine.labs());
    Session& first = start.session;
    if (!options.variants.isEmpty()) {
        const auto variants = parseVariants(options.variants.toStdString());
        if (!variants) return report(variants.error(), kUsage);
        first.request.experiment.variants = *variants;
    }
    SourceLibrary& sources = engine.sources();
    ThemeController themes;
    themes.setDark(options.dark || first.window.dark);
    themes.setPresentation(options.presentation);
    themes.applyTo(*qApp);
    Document document(engine, first.request);
    ModelExporter exporter([&](const LanguageModelExport& request, const Job& job) {
        return exportLanguageModel(request, sources, kernels.active(), job);
    });
    CalibrationSaver calibrationSaver([&](const CalibrationSave& request, const Job& job) {
        return saveCalibration(request, sources, kernels.active(), job);
    });
    WindowParts parts;
    parts.calibrationSaver = &calibrationSaver;
    parts.exporter = &exporter;
    parts.themes = &themes;
    parts.document = &document;
    parts.labs = labDescriptors();
    parts.sources = &sources;
    parts.samples = samples;
    parts.kernels = &kernels;
    parts.remembers = options.screenshot.isEmpty();
    MainWindow window(parts);
    prepare(window, options, start.lab);
    std::unique_ptr<Screenshot> screenshot;
    if (!options.screenshot.isEmpty()) {
        screenshot = std::make_unique<Screenshot>(&window, options.screenshot, options.waitSeconds);
    }
    window.show();
    return QApplication::exec();
}

/// --help and --version are answered without a display: a window application would look for one at once.
bool asksForText(int argc, char** argv) {
    return std::any_of(argv + 1, argv + argc, [](std::string_view argument) {
        return argument == "-h" || argument == "--help" || argument == "-v" || argument == "--version";
    });
}

int printText(int argc, char** argv) {
    const QCoreApplication application(argc, argv);
    const auto options = readCommandLine(QCoreApplication::arguments(), labDescriptors());
    return options ? 0 : report(options.error(), kUsage);
}

int openAndRun(int argc, char** argv) {
    if (asksForText(argc, argv)) return printText(argc, argv);
    QApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("quantscope"));
    QCoreApplication::setOrganizationName(QStringLiteral("quantscope"));
    const auto options = readCommandLine(QCoreApplication::arguments(), labDescriptors());
    if (!options) return report(options.error(), kUsage);
    if (options->printedAndDone) return 0;
    const auto kernels =
        KernelSet::open(detectCpuFeatures(), qEnvironmentVariable("QUANTSCOPE_KERNELS").toStdString());
    if (!kernels) return report(kernels.error(), kUsage);
    return runWindow(*options, **kernels);
}

}  // namespace

int runProgram(int argc, char** argv) {
    try {
        return openAndRun(argc, argv);
    } catch (...) {
        return report(errorOfException(), kFailed);
    }
}

}  // namespace quantscope
