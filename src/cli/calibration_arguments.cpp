// SPDX-License-Identifier: Apache-2.0
#include "cli/calibration_arguments.h"

namespace quantscope {

CalibrationOptionHandles addCalibrationOptions(CLI::App& command, CalibrationArguments& arguments) {
    CLI::Option* text =
        command.add_option("--calibration", arguments.text,
                           "Text for methods that need calibration (gptq, awq, smoothquant, ...)");
    command
        .add_option("--calibration-chunks", arguments.chunks, "Windows of 512 tokens of it to use (0 = all)")
        ->check(CLI::Range(0, 1 << 20));
    CLI::Option* load = command.add_option(
        "--load-calibration", arguments.load,
        "Use a calibration that eval saved, or an importance matrix (GGUF, or imatrix.dat)");
    return {text, load};
}

ModelSource modelSourceOf(const std::string& model, const std::string& text,
                          const CalibrationArguments& calibration) {
    return {model, text, calibration.text, calibration.chunks, calibration.load};
}

}  // namespace quantscope
