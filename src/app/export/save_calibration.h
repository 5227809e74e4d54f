// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "app/experiment/source_library.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"

namespace quantscope {

/// Calibration statistics to be kept for later runs.
struct CalibrationSave {
    ModelSource source;            ///< the model, its calibration text, how much of it
    std::filesystem::path target;  ///< *.gguf: an importance matrix; any other name: all of them
};

/// Runs the text through the model and writes the file, atomically: a stopped or failed run leaves what was
/// there. InvalidArgument: there is no text.
Status saveCalibration(const CalibrationSave& request, SourceLibrary& sources, const KernelTable& kernels,
                       const Job& job = {});

}  // namespace quantscope
