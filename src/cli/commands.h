// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "app/experiment/source_library.h"
#include "app/labs/lab.h"
#include "kernels/kernel_table.h"

namespace quantscope {

/// What every command works with. A command's callback sets `exitCode`.
struct CommandContext {
    const KernelTable& kernels;
    SourceLibrary& sources;
    int exitCode = 0;
    /// Where commands that run a part of an experiment leave what they were asked, instead of running it.
    std::optional<LabRequest>* asked = nullptr;
};

/// One file a command; each adds its subcommand, its options and its callback to the program.
void addInspectCommand(CLI::App& program, CommandContext& context);
void addQuantizeCommand(CLI::App& program, CommandContext& context);
void addDoctorCommand(CLI::App& program, CommandContext& context);
void addExportCommand(CLI::App& program, CommandContext& context);
void addCompareCommand(CLI::App& program, CommandContext& context);
void addEvalCommand(CLI::App& program, CommandContext& context);
void addRunCommand(CLI::App& program, CommandContext& context);
void addMethodsCommand(CLI::App& program, CommandContext& context);
void addLayersCommand(CLI::App& program, CommandContext& context);
void addCaptureCommand(CLI::App& program, CommandContext& context);
void addGenerateCommand(CLI::App& program, CommandContext& context);
void addBenchCommand(CLI::App& program, CommandContext& context);

}  // namespace quantscope
