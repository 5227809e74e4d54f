// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "cli/command_line.h"

int main(int argc, char** argv) {
    const char* kernels = std::getenv("QUANTSCOPE_KERNELS");
    return quantscope::runCommandLine(argc, argv, kernels == nullptr ? "" : kernels);
}
