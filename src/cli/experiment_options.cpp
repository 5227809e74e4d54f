// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_options.h"

#include <fmt/format.h>

#include "app/experiment/experiment_json.h"
#include "app/labs/run_experiment.h"
#include "base/atomic_file.h"
#include "cli/command_line.h"
#include "cli/output.h"

namespace quantscope {
namespace {

void printText(const ResultSection& section, bool markdown) {
    if (!section.heading.empty()) fmt::print("{}\n", section.heading);
    if (markdown) return printMarkdownTable(section.table);
    printTable(section.table);
}

void printNotes(const ResultSection& section) {
    finishProgress();
    for (const std::string& note : section.notes) fmt::print(stderr, "{}\n", note);
}

}  // namespace

CLI::Option* addExperimentOptions(CLI::App& command, ExperimentOptions& options) {
    command.add_option("--write-experiment", options.writeTo,
                       "Write what is run to this file, too: `run` and the window open it");
    return command.add_flag("--json", options.json, "Print one JSON object");
}

int runPartOf(const char* lab, const Result<LabRequest>& request, const ExperimentOptions& options,
              CommandContext& context, const SectionOf& section) {
    if (!request) return reportError(request.error(), kExitUsage);
    if (context.asked != nullptr) {
        *context.asked = *request;
        return kExitGood;
    }
    if (!options.writeTo.empty()) {
        if (const Status written = writeTextFile(options.writeTo, experimentJson(*request)); !written)
            return reportError(written.error(), kExitBadInput);
    }
    const std::vector<Lab> known = labs();
    const auto results =
        runPart(*findLab(known, lab), *request, context.sources, context.kernels, terminalProgress());
    if (!results) return reportError({ErrorKind::Internal, "no result", {}, {}, {}}, kExitBadInput);
    if (results->error) return reportError(*results->error, kExitBadInput);
    const ResultSection made = section(*results);
    printNotes(made);
    // A part that failed as a whole has no table.
    if (made.table.empty() && made.error) return reportError(*made.error, kExitBadInput);
    if (options.json) printJson(made.json);
    if (!options.json) printText(made, options.markdown);
    return made.error ? reportError(*made.error, kExitBadInput) : static_cast<int>(kExitGood);
}

int printSections(const std::vector<ResultSection>& sections, bool json) {
    OrderedJson all = OrderedJson::object();
    for (const ResultSection& section : sections) {
        printNotes(section);
        if (json) {
            all[section.id] = section.json;
            continue;
        }
        fmt::print("{}{}\n", &section == sections.data() ? "" : "\n", section.id);
        if (!section.table.empty()) printText(section, false);
    }
    if (json) printJson(all);
    int exitCode = kExitGood;
    for (const ResultSection& section : sections)
        if (section.error) exitCode = reportError(*section.error, kExitBadInput);
    return exitCode;
}

}  // namespace quantscope
