// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "app/experiment/experiment_json.h"
#include "app/labs/run_experiment.h"
#include "base/atomic_file.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/experiment_options.h"
#include "cli/output.h"

namespace quantscope {
namespace {

struct Options {
    std::string file;
    bool json = false;
};

int runFile(const Options& options, CommandContext& context) {
    constexpr uint64_t kMostBytes = 16 << 20;
    const auto text = readTextFile(options.file, kMostBytes);
    if (!text) return reportError(text.error(), kExitBadInput);
    const auto request = parseRequest(*text);
    if (!request) return reportError(inFile(request.error(), options.file), kExitBadInput);
    const auto sections =
        runExperiment(*request, labs(), context.sources, context.kernels, terminalProgress());
    if (sections.empty())
        return reportError({ErrorKind::InvalidArgument,
                            "the file holds no part that could be run",
                            options.file,
                            {},
                            "Save a session, or write one with eval, compare or layers "
                            "--write-experiment FILE"},
                           kExitBadInput);
    return printSections(sections, options.json);
}

}  // namespace

void addRunCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand(
        "run", "Runs a session or experiment file: each part it holds, printed as its own command prints it");
    command->add_option("file", options->file, "Session or experiment file (JSON)")->required();
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = runFile(*options, context); });
}

}  // namespace quantscope
