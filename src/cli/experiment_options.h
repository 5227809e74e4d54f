// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "app/labs/lab.h"
#include "app/results/section.h"
#include "cli/commands.h"

namespace quantscope {

/// What every command that runs a part of an experiment is told of its output.
struct ExperimentOptions {
    bool json = false;
    bool markdown = false;  ///< where the command has it
    std::string writeTo;    ///< file for the experiment; empty: none
};

/// Adds --json, which it gives back, and --write-experiment.
CLI::Option* addExperimentOptions(CLI::App& command, ExperimentOptions& options);

using SectionOf = std::function<ResultSection(const LabResults&)>;

/// Writes the experiment where that is asked for, runs the lab's part and prints the section; the exit code.
/// A request that could not be made is what was typed wrong.
int runPartOf(const char* lab, const Result<LabRequest>& request, const ExperimentOptions& options,
              CommandContext& context, const SectionOf& section);

/// Prints sections that stand for themselves: tables under their headings, or one object with a member each.
/// The exit code: whether any part or variant failed.
int printSections(const std::vector<ResultSection>& sections, bool json);

}  // namespace quantscope
