// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "analysis/layers/sizes.h"
#include "app/export/export_model.h"
#include "cli/calibration_arguments.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace quantscope {
namespace {

struct Options {
    std::string model;
    std::string variant;
    std::string layout;
    std::string output;
    CalibrationArguments calibration;
    bool json = false;
};

int exportFolder(const Options& options, CommandContext& context) {
    auto variant = parseVariant(options.variant);
    if (!variant) return reportError(variant.error(), kExitUsage);
    const auto summary =
        exportLanguageModel({options.model, std::move(*variant), options.layout, options.output,
                             options.calibration.text, options.calibration.chunks, options.calibration.load},
                            context.sources, context.kernels, terminalJob());
    finishProgress();
    if (!summary) {
        const ErrorKind kind = summary.error().kind;
        const bool usage = kind == ErrorKind::InvalidArgument || kind == ErrorKind::Unsupported;
        return reportError(summary.error(), usage ? kExitUsage : kExitBadInput);
    }
    if (options.json) {
        printJson({{"output", options.output},
                   {"layout", options.layout},
                   {"quantized", summary->quantized},
                   {"tensors", summary->tensors},
                   {"source_bytes", summary->sourceBytes},
                   {"output_bytes", summary->targetBytes},
                   {"notes", summary->notes}});
        return kExitGood;
    }
    fmt::print("{}: {} layers quantized, {} tensors, {} -> {}\n", options.output, summary->quantized,
               summary->tensors, bytesText(summary->sourceBytes), bytesText(summary->targetBytes));
    for (const std::string& note : summary->notes) fmt::print("note: {}\n", note);
    return kExitGood;
}

}  // namespace

void addExportCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand(
        "export", "Write a quantized model as another program's loader reads it:\n" + exportLayoutHelp());
    command->add_option("model", options->model, "Hugging Face folder or GGUF file, in float")->required();
    command
        ->add_option("--variant", options->variant,
                     "One variant as eval takes it: gptq/int4/group=64, awq/int4/affine/group=64, nf4, ...")
        ->required();
    command->add_option("--layout", options->layout, "How it is stored")
        ->required()
        ->check(CLI::IsMember(exportLayoutNames()));
    command->add_option("-o,--output", options->output, "New folder (or GGUF file)")->required();
    const CalibrationOptionHandles calibration = addCalibrationOptions(*command, options->calibration);
    calibration.load->excludes(calibration.text);
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = exportFolder(*options, context); });
}

}  // namespace quantscope
