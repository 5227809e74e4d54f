// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/program.h"

int main(int argc, char** argv) {
    return quantscope::runProgram(argc, argv);
}
