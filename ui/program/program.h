// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace quantscope {

/// The window's main function: reads the command line, builds the parts, runs until the window closes or the
/// screenshot is written. Exit 0 good, 2 usage, 3 bad input.
int runProgram(int argc, char** argv);

}  // namespace quantscope
