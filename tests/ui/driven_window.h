// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QThread>
#include <optional>

#include "app/experiment/model_part.h"
#include "app/experiment/source_library.h"
#include "app/experiment/tensor_part.h"
#include "app/labs/engine.h"
#include "app/results/matmul_results.h"
#include "app/results/results.h"
#include "kernels/kernel_set.h"
#include "program/labs.h"
#include "shell/calibration_saver.h"
#include "shell/main_window.h"
#include "shell/message_bar.h"
#include "shell/model_exporter.h"
#include "support/paths.h"
#include "theme/theme_controller.h"
#include "widgets/document.h"

namespace quantscope {

inline std::string inRepository(const char* path) {
    return test::sourcePath(path);
}

/// Small enough that a whole result takes a few milliseconds, large enough for groups of 32.
inline constexpr auto kSmallMatrix = "outliers/rows=48/cols=128/seed=1";
/// Waiting ends when its condition holds; the limits below only end a test that hangs on a slow, busy
/// machine.
inline constexpr double kSeconds = 120;
inline constexpr double kLongSeconds = 300;

/// Empty when every variant of the newest results has a report or a reason.
inline QString unanswered(const Document& document) {
    const auto results = document.resultsOf<TensorResults>("tensor");
    if (!results) return QStringLiteral("no results");
    if (results->error) return QString::fromStdString(results->error->message);
    if (!(results->request.variants == document.experiment().variants))
        return QStringLiteral("results of another request");
    for (const TensorVariantResult& variant : results->variants) {
        if (!variant.report && !variant.error) return QString::fromStdString(variant.title);
        if (variant.error && variant.error->message.empty())
            return QStringLiteral("an error that says nothing");
    }
    return {};
}

/// The program's window over the real engine, without the program's command line: what tests and the
/// interface benchmark drive.
struct DrivenWindow {
    std::unique_ptr<KernelSet> kernelSet = *KernelSet::open(detectCpuFeatures());
    KernelSet& kernels = *kernelSet;
    Engine engine;
    SourceLibrary& sources = engine.sources();
    ThemeController themes;
    ModelExporter exporter{[this](const LanguageModelExport& request, const Job& job) {
        return exportLanguageModel(request, sources, kernels.active(), job);
    }};
    CalibrationSaver calibrationSaver{[this](const CalibrationSave& request, const Job& job) {
        return saveCalibration(request, sources, kernels.active(), job);
    }};
    Document document;
    MainWindow window;

    /// An empty size leaves the window as it remembers it.
    explicit DrivenWindow(const LabRequest& first, bool remembers = false, QSize size = {1600, 1000},
                          const std::vector<Lab>& known = labs(),
                          const std::vector<LabDescriptor>& shown = labDescriptors())
        : engine(kernels, known), document(engine, first), window(parts(remembers, shown)) {
        themes.applyTo(*qApp);
        if (!size.isEmpty()) window.resize(size);
        window.show();
    }

    /// The sample model and its text, scored on `windows` windows.
    static LabRequest sample(int windows = 2) {
        LabRequest request(sampleExperiment(*findSamples(inRepository("build"))), sampleViews());
        request.experiment.edit<ModelPart>().evaluation.maxChunks = windows;
        return request;
    }
    static Experiment synthetic(const std::string& spec) {
        Experiment experiment;
        experiment.edit<TensorPart>().matrix = SyntheticSource{spec};
        experiment.variants = defaultVariants();
        addMissingParts(experiment, labs());
        return experiment;
    }

    /// Runs events until the shown lab has the complete result of the document; false after `seconds`.
    [[nodiscard]] bool settles(double seconds = kSeconds) const {
        return waitUntil([this] { return window.isSettled(); }, seconds);
    }
    template <class Condition>
    [[nodiscard]] static bool waitUntil(Condition condition, double seconds = kSeconds) {
        QElapsedTimer since;
        since.start();
        while (!condition()) {
            if (static_cast<double>(since.elapsed()) > 1000 * seconds) return false;
            QCoreApplication::processEvents();
            QThread::usleep(500);
        }
        QCoreApplication::processEvents();
        return true;
    }

 private:
    WindowParts parts(bool remembers, const std::vector<LabDescriptor>& shown) {
        WindowParts parts;
        parts.themes = &themes;
        parts.document = &document;
        parts.labs = shown;
        parts.sources = &sources;
        parts.exporter = &exporter;
        parts.calibrationSaver = &calibrationSaver;
        parts.kernels = &kernels;
        parts.remembers = remembers;
        if (auto samples = findSamples(inRepository("build"))) parts.samples = *samples;
        return parts;
    }
};

}  // namespace quantscope
