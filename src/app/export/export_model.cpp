// SPDX-License-Identifier: Apache-2.0
#include "app/export/export_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "app/experiment/experiment.h"
#include "export/gguf_export.h"
#include "export/huggingface_view.h"
#include "model/calibration/calibration_request.h"

namespace quantscope {
namespace {

constexpr size_t kCalibrationWindow = 512;
constexpr std::string_view kGguf = "gguf";

Result<std::vector<int32_t>> calibrationTokens(const LanguageModelExport& request, SourceLibrary& sources) {
    if (request.calibrationPath.empty() || !request.calibrationFile.empty()) return std::vector<int32_t>();
    const auto tokens = sources.tokens({request.source, request.calibrationPath});
    if (!tokens) return fail(tokens.error());
    const size_t wanted = request.calibrationChunks > 0
                              ? static_cast<size_t>(request.calibrationChunks) * kCalibrationWindow
                              : (*tokens)->size();
    const auto count = static_cast<std::ptrdiff_t>(std::min(wanted, (*tokens)->size()));
    return std::vector<int32_t>((*tokens)->begin(), (*tokens)->begin() + count);
}

}  // namespace

Result<ModelExportSummary> exportLanguageModel(const LanguageModelExport& request, SourceLibrary& sources,
                                               const KernelTable& kernels, const Job& job) {
    const auto model = sources.model(request.source);
    if (!model) return fail(model.error());
    const auto source = sources.checkpoint(request.source);
    if (!source) return fail(source.error());
    auto tokens = calibrationTokens(request, sources);
    if (!tokens) return fail(tokens.error());
    ModelExportRequest work{*source, *model, request.variant, nullptr, request.target, std::move(*tokens)};
    const auto inSource = [&](Error error) { return inFile(std::move(error), request.source); };
    if (!request.calibrationFile.empty() && needsCalibration(request.variant)) {
        CalibrationRequest saved;
        saved.input.file = request.calibrationFile;
        auto opened = openCalibration(**model, kernels, saved, job.quiet()).map_error(inSource);
        if (!opened) return fail(opened.error());
        work.statistics = std::move(*opened);
    }
    if (request.layout == kGguf) return exportGguf(work, kernels, job).map_error(inSource);
    const auto layout = exportLayoutNamed(request.layout);
    if (!layout) return fail(layout.error());
    work.layout = *layout;
    std::vector<std::string> notes;
    if ((*source)->format().starts_with("GGUF")) {
        auto view = huggingFaceView(*source, *model);
        if (!view) return fail(view.error());
        auto opened = openModel(view->checkpoint);
        if (!opened) return fail(opened.error());
        work.source = view->checkpoint;
        work.model = *opened;
        work.files = std::move(view->files);
        notes = std::move(view->notes);
    }
    auto summary = exportModel(work, kernels, job).map_error(inSource);
    if (summary) summary->notes.insert(summary->notes.end(), notes.begin(), notes.end());
    return summary;
}

Result<LayoutReport> examineFile(const std::string& path, const std::string& reference,
                                 SourceLibrary& sources, const Job& job) {
    const auto file = sources.checkpoint(path);
    if (!file) return fail(file.error());
    std::shared_ptr<const Checkpoint> floats;
    if (!reference.empty()) {
        const auto opened = sources.checkpoint(reference);
        if (!opened) return fail(opened.error());
        floats = *opened;
    }
    constexpr int64_t kLayers = 42;
    return examineLayout(*file, floats, kLayers, job);
}

std::vector<ExportChoice> exportChoices() {
    std::vector<ExportChoice> choices;
    for (const ExportLayout& layout : exportLayouts())
        choices.push_back({std::string(layout.name), std::string(layout.label), std::string(layout.holds),
                           std::string(layout.limits), std::string(layout.reader), false});
    choices.push_back({std::string(kGguf), "GGUF",
                       "q2_k to q6_k, iq4_nl, presets q4_0 to q8_0; also of the embedding",
                       "quantized activations: llama.cpp rounds them itself", "llama.cpp", true});
    return choices;
}

std::vector<std::string> exportLayoutNames() {
    std::vector<std::string> names;
    for (const ExportChoice& choice : exportChoices()) names.push_back(choice.name);
    return names;
}

std::string exportLayoutHelp() {
    std::string text;
    for (const ExportChoice& choice : exportChoices())
        text += fmt::format("  {}: {} ({})\n", choice.name, choice.holds, choice.reader);
    return text;
}

}  // namespace quantscope
