// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "app/experiment/model_part.h"
#include "app/experiment/source_library.h"
#include "app/experiment/tensor_part.h"

namespace quantscope {
namespace {

namespace fs = std::filesystem;

bool isSamplesFolder(const fs::path& folder) {
    std::error_code code;
    return fs::exists(folder / "tiny-llama" / "config.json", code);
}

fs::path findFolder(const fs::path& programFolder, const std::string& overrideFolder) {
    if (!overrideFolder.empty())
        return isSamplesFolder(overrideFolder) ? fs::path(overrideFolder) : fs::path();
    for (fs::path folder = programFolder; !folder.empty(); folder = folder.parent_path()) {
        for (const char* inside : {"samples", "share/quantscope/samples"})
            if (isSamplesFolder(folder / inside)) return folder / inside;
        if (folder == folder.parent_path()) break;
    }
    return {};
}

}  // namespace

Result<Samples> findSamples(const fs::path& programFolder, const std::string& overrideFolder) {
    const fs::path folder = findFolder(programFolder, overrideFolder);
    if (folder.empty()) {
        return fail(Error{ErrorKind::NotFound,
                          "the samples folder is missing",
                          overrideFolder.empty() ? programFolder.string() : overrideFolder,
                          {},
                          "Set QUANTSCOPE_SAMPLES to the repository's samples folder"});
    }
    Samples samples;
    samples.folder = folder;
    samples.model = folder / "tiny-llama";
    samples.heldOutText = folder / "text" / "held-out.txt";
    samples.calibrationText = folder / "text" / "calibration.txt";
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder / "worked-examples", code))
        if (entry.path().extension() == ".npy") samples.workedExamples.push_back(entry.path());
    std::sort(samples.workedExamples.begin(), samples.workedExamples.end());
    return samples;
}

MatmulSource workedProduct(const Samples& samples, const std::string& name) {
    const auto matrix = [&](const char* side) {
        const std::string stem = name + side;
        return TensorSource{(samples.folder / "worked-examples" / (stem + ".npy")).string(), stem};
    };
    return {matrix("-x"), matrix("-w"), true};
}

Experiment sampleExperiment(const Samples& samples) {
    Experiment experiment;
    experiment.edit<TensorPart>().matrix =
        TensorSource{samples.model.string(), "model.layers.2.mlp.down_proj.weight"};
    experiment.model = {samples.model.string(), samples.heldOutText.string()};
    experiment.model.calibrationPath = samples.calibrationText.string();
    experiment.variants = defaultVariants();
    experiment.edit<MatmulPart>() = {workedProduct(samples, "int8-product"), defaultProducts()};
    // Eight windows: enough to tell the variants apart, quick enough to follow a slider.
    experiment.edit<ModelPart>().evaluation.maxChunks = 8;
    return experiment;
}

LabValues sampleViews() {
    LabValues views;
    views.edit<TensorView>().heatmapVariant = 2;
    views.edit<ModelView>().layerVariant = 2;
    views.edit<MatmulView>().step = 2;  // the last of its first cell
    return views;
}

}  // namespace quantscope
