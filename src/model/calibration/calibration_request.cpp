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
    if (!request.tokens) return std::nullopt;
    const std::vector<int32_t>& tokens = *request.tokens;
    const auto wanted = static_cast<size_t>(request.chunks) * static_cast<size_t>(request.window);
    const size_t count = request.chunks > 0 ? std::min(wanted, tokens.size()) : tokens.size();
    CalibrationOptions options;
    options.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
    options.window = request.window;
    // What is saved should serve every method.
    options.hessian = request.need == CalibrationNeed::Hessian || !request.target.empty();
    return options;
}

Result<Source> openFile(const Model& model, const CalibrationRequest& request) {
    const auto checkpoint = openCheckpoint(request.file);
    if (!checkpoint && std::filesystem::path(request.file).extension() == ".safetensors")
        return fail(checkpoint.error());
    // The older importance matrices have no mark: what is nothing else is tried as one.
    if (!checkpoint || !(*checkpoint)->format().starts_with("safetensors")) {
        auto matrix = ImportanceMatrix::open(request.file);
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

bool CalibrationRequest::sameInputs(const CalibrationRequest& other) const {
    return tokens == other.tokens && chunks == other.chunks && window == other.window && file == other.file &&
           target == other.target;
}

Result<Source> openCalibration(const Model& model, const KernelTable& kernels,
                               const CalibrationRequest& request, const Job& job) {
    if (!request.file.empty()) return openFile(model, request);
    auto options = textOf(request);
    if (!options && !request.target.empty()) {
        return fail(ErrorKind::InvalidArgument, "there is no text to calibrate on", "calibration",
                    "give a text: --calibration FILE");
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
