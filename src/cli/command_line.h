// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace quantscope {

/// Exit codes of quantscope-cli. Everything a file or a text can cause is 3; what was typed wrong is 2.
enum ExitCode : int { kExitGood = 0, kExitUsage = 2, kExitBadInput = 3 };

/// The whole program: parses the arguments, runs one command, gives the exit code. Results go to standard
/// output, errors and (on a terminal) progress to standard error. `kernelOverride` is the value of
/// QUANTSCOPE_KERNELS.
int runCommandLine(int argc, const char* const* argv, std::string_view kernelOverride);

}  // namespace quantscope
