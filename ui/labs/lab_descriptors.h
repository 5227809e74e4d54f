// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "labs/lab_descriptor.h"

namespace quantscope {

LabDescriptor tensorLabDescriptor();
LabDescriptor matmulLabDescriptor();
LabDescriptor modelLabDescriptor();

}  // namespace quantscope
