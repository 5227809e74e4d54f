// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/labs/lab.h"

namespace quantscope {

Lab tensorLab();
Lab matmulLab();
Lab modelLab();

/// The program's labs in the order of their tabs. A new lab is its own files and a line here.
std::vector<Lab> labs();

/// Null when there is none of this id.
const Lab* findLab(const std::vector<Lab>& labs, std::string_view id);

/// Every lab's part as the window needs it: of sessions from before a lab was made, and of experiments that
/// hold some labs only.
void addMissingParts(Experiment& experiment, const std::vector<Lab>& labs);

/// Checkpoints that the experiment names, its model among them; each once, sorted.
std::vector<std::string> checkpointsOf(const Experiment& experiment, const std::vector<Lab>& labs);

}  // namespace quantscope
