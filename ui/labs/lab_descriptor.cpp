// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/lab_descriptor.h"

namespace quantscope {

std::vector<Variant> variantsOf(const LabDescriptor& lab, const Experiment& experiment) {
    if (!lab.variants) return experiment.variants;
    Experiment copy = experiment;
    return lab.variants(copy);
}

}  // namespace quantscope
