// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "analysis/layers/sizes.h"
#include "app/export/export_quantized.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace quantscope {
namespace {

struct Options {
    std::string file;
    std::string scheme;
    std::string output;
    std::string dequantizeTo;
    std::vector<std::string> tensors;
    bool json = false;
};

int quantizeFile(const Options& options, CommandContext& context) {
    auto variant = parseVariant(options.scheme);
    if (!variant) return reportError(variant.error(), kExitUsage);
    ExportRequest request{options.file, options.output, std::move(*variant), options.tensors, std::nullopt};
    if (!options.dequantizeTo.empty()) request.dequantizeTo = dtypeNamed(options.dequantizeTo);
    const auto summary = exportQuantized(request, context.sources, terminalJob());
    if (!summary) {
        const bool usage = summary.error().kind == ErrorKind::InvalidArgument;
        return reportError(summary.error(), usage ? kExitUsage : kExitBadInput);
    }
    if (options.json)
        printJson({{"output", options.output},
                   {"tensors", summary->tensors},
                   {"quantized", summary->quantized},
                   {"source_bytes", summary->sourceBytes},
                   {"output_bytes", summary->targetBytes}});
    finishProgress();
    if (!options.json)
        fmt::print("{}: {} tensors quantized, {} in the file, {} -> {}\n", options.output, summary->quantized,
                   summary->tensors, bytesText(summary->sourceBytes), bytesText(summary->targetBytes));
    return kExitGood;
}

}  // namespace

void addQuantizeCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand("quantize", "Write a file with quantized tensors");
    command->add_option("file", options->file, "Checkpoint or model folder")->required();
    command->add_option("--scheme", options->scheme, "int4/affine/group=64, preset=q4_0, ...")->required();
    command
        ->add_option("-o,--output", options->output,
                     "OUT.gguf (from GGUF; block formats) or OUT.safetensors (packed codes and scales)")
        ->required();
    command->add_option("--dequantize", options->dequantizeTo, "Write the quantized values as floats instead")
        ->check(CLI::IsMember({"F32", "F16", "BF16"}));
    command->add_option("--tensors", options->tensors,
                        "Names or patterns to quantize (default: the linear layers of the blocks)");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = quantizeFile(*options, context); });
}

}  // namespace quantscope
