// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <cstdio>

#include "base/cpu_features.h"
#include "base/out_of_memory.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "kernels/kernel_set.h"

namespace quantscope {
namespace {

int parseAndRun(int argc, const char* const* argv, CommandContext& context) {
    CLI::App program("Compares quantizations of tensors and language models", "quantscope-cli");
    program.set_version_flag("-v,--version", "quantscope-cli " QUANTSCOPE_VERSION, "The version");
    program.require_subcommand(1);
    addInspectCommand(program, context);
    addQuantizeCommand(program, context);
    addExportCommand(program, context);
    addDoctorCommand(program, context);
    addCompareCommand(program, context);
    addEvalCommand(program, context);
    addRunCommand(program, context);
    addMethodsCommand(program, context);
    addLayersCommand(program, context);
    addCaptureCommand(program, context);
    addGenerateCommand(program, context);
    addBenchCommand(program, context);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const bool asked = error.get_exit_code() == 0;  // --help, --version
        program.exit(error);
        return asked ? kExitGood : kExitUsage;
    }
    return context.exitCode;
}

int openAndRun(int argc, const char* const* argv, std::string_view kernelOverride) {
    const auto kernels = KernelSet::open(detectCpuFeatures(), kernelOverride);
    if (!kernels) return reportError(kernels.error(), kExitUsage);
    const KernelTable& table = (*kernels)->active();
    SourceLibrary sources(table);
    CommandContext context{table, sources};
    return parseAndRun(argc, argv, context);
}

}  // namespace

Result<LabRequest> requestOf(const std::vector<std::string>& arguments) {
    const auto kernels = KernelSet::open(detectCpuFeatures());
    if (!kernels) return fail(kernels.error());
    SourceLibrary sources((*kernels)->active());
    std::optional<LabRequest> asked;
    CommandContext context{(*kernels)->active(), sources, 0, &asked};
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    parseAndRun(static_cast<int>(argv.size()), argv.data(), context);
    if (!asked) return fail(ErrorKind::InvalidArgument, "these arguments ask for no part of an experiment");
    return std::move(*asked);
}

int runCommandLine(int argc, const char* const* argv, std::string_view kernelOverride) {
    try {
        return openAndRun(argc, argv, kernelOverride);
    } catch (...) {
        return reportError(errorOfException(), kExitBadInput);
    }
}

}  // namespace quantscope
