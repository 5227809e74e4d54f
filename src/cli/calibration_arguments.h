// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "app/experiment/experiment.h"

namespace quantscope {

/// What a command that quantizes with methods is told of calibration.
struct CalibrationArguments {
    std::string text;  ///< empty: none
    int chunks = 16;   ///< windows of 512 tokens of it, 0 = all
    std::string load;  ///< saved statistics or an importance matrix, empty: none
};

/// The options among which one is the other's alternative, as far as a command lets them.
struct CalibrationOptionHandles {
    CLI::Option* text;
    CLI::Option* load;
};

/// Adds --calibration, --calibration-chunks and --load-calibration, which write into `arguments`.
CalibrationOptionHandles addCalibrationOptions(CLI::App& command, CalibrationArguments& arguments);

/// The model, the text it is run over, and what methods are calibrated on.
ModelSource modelSourceOf(const std::string& model, const std::string& text,
                          const CalibrationArguments& calibration);

}  // namespace quantscope
