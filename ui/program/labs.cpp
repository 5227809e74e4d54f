// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/labs.h"

#include "labs/lab_descriptors.h"

namespace quantscope {

std::vector<LabDescriptor> labDescriptors() {
    return {
        tensorLabDescriptor(),
        matmulLabDescriptor(),
        modelLabDescriptor(),
    };
}

}  // namespace quantscope
