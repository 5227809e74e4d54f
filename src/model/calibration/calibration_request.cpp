// SPDX-License-Identifier: Apache-2.0
#include "model/calibration/calibration_request.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "io/checkpoint.h"
#include "methods/interface/recipe_needs.h"
#include "model/calibration/calibration.h"
#include "model/calibration/importance_matrix.h"
#include "model/calibration/saved_calibration.h"

namespace quantscope {
namespace {

using Source = std::shared_ptr<CalibrationSource>;

std::optional<CalibrationOptions> textOf(const CalibrationRequest& request) {
    const CalibrationInput& input = request.input;
    if (!input.text.isGiven()) return std::nullopt;
    const std::vector<int32_t>& tokens = input.text.tokens();
    const auto wanted = static_cast<size_t>(input.chunks) * static_cast<size_t>(input.window);
    const size_t count = input.chunks > 0 ? std::min(wanted, tokens.size()) : tokens.size();
    CalibrationOptions options;
    options.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
    options.window = input.window;
    // What is saved should serve every method.
    options.hessian = request.need == CalibrationNeed::Hessian || !request.target.empty();
    return options;
}

Result<Source> openFile(const Model& model, const CalibrationRequest& request) {
    const auto checkpoint = openCheckpoint(request.input.file);
    if (!checkpoint && std::filesystem::path(request.input.file).extension() == ".safetensors")
        return fail(checkpoint.error());
    // The older importance matrices have no mark: what is nothing else is tried as one.
    if (!checkpoint || !(*checkpoint)->format().starts_with("safetensors")) {
        auto matrix = ImportanceMatrix::open(request.input.file);
        if (!matrix) return fail(matrix.error());
        return Source(std::move(*matrix));
    }
    auto saved = SavedCalibration::open(*checkpoint, model, textOf(request));
    if (!saved) return fail(saved.error());
    return Source(std::move(*saved));
}

}  // namespace

CalibrationNeed calibrationNeed(const Variant& variant) {
    CalibrationNeed need = calibrationNeed(variant.weights);
    for (const LayerOverride& entry : variant.overrides) need = std::max(need, calibrationNeed(entry.recipe));
    return need;
}

Result<Source> openCalibration(const Model& model, const KernelTable& kernels,
                               const CalibrationRequest& request, const Job& job) {
    if (request.input.textError) return fail(*request.input.textError);
    if (!request.input.file.empty()) return openFile(model, request);
    auto options = textOf(request);
    if (!options && !request.target.empty()) {
        return fail(ErrorKind::InvalidArgument, "there is no text to calibrate on", "calibration",
                    "choose a calibration text");
    }
    if (!options) return Source();
    auto calibration = std::make_shared<Calibration>(model, kernels, std::move(*options));
    if (!request.target.empty()) {
        const std::filesystem::path target(request.target);
        const Status saved = target.extension() == ".gguf"
                                 ? saveImportanceMatrix(*calibration, model, target, "calibration", job)
                                 : saveCalibration(*calibration, model, target, job);
        if (!saved) return fail(saved.error());
    }
    return Source(std::move(calibration));
}

}  // namespace quantscope
