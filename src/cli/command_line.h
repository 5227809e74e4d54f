// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/labs/lab.h"
#include "base/result.h"

namespace quantscope {

/// Exit codes of quantscope-cli. Everything a file or a text can cause is 3; what was typed wrong is 2.
enum ExitCode : int { kExitGood = 0, kExitUsage = 2, kExitBadInput = 3 };

/// The whole program: parses the arguments, runs one command, gives the exit code. Results go to standard
/// output, errors and (on a terminal) progress to standard error. `kernelOverride` is the value of
/// QUANTSCOPE_KERNELS.
int runCommandLine(int argc, const char* const* argv, std::string_view kernelOverride);

/// What `eval`, `compare` or `layers` would run for these arguments, the program's name first; the same
/// parser, but nothing is run. InvalidArgument for what is typed wrong or asks for something else.
Result<LabRequest> requestOf(const std::vector<std::string>& arguments);

}  // namespace quantscope
