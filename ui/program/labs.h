// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "labs/lab_descriptor.h"

namespace quantscope {

/// The window's labs in the order of their tabs. A new lab is its own files and a line here.
std::vector<LabDescriptor> labDescriptors();

}  // namespace quantscope
