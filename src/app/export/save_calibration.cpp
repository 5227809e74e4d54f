// SPDX-License-Identifier: Apache-2.0
#include "app/export/save_calibration.h"

#include "model/calibration/calibration_request.h"

namespace quantscope {

Status saveCalibration(const CalibrationSave& request, SourceLibrary& sources, const KernelTable& kernels,
                       const Job& job) {
    const ModelSource& source = request.source;
    if (source.calibrationPath.empty())
        return fail(ErrorKind::InvalidArgument, "there is no text to gather statistics from", "calibration",
                    "Choose a calibration text");
    const auto model = sources.model(source.modelPath);
    if (!model) return fail(model.error());
    auto tokens = sources.tokens({source.modelPath, source.calibrationPath});
    if (!tokens) return fail(tokens.error());
    CalibrationRequest work;
    work.input.text = std::move(*tokens);
    work.input.chunks = source.calibrationChunks;
    work.target = request.target.string();
    const auto saved = openCalibration(**model, kernels, work, job);
    if (!saved) return fail(inFile(saved.error(), source.modelPath));
    return {};
}

}  // namespace quantscope
