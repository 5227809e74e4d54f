// SPDX-License-Identifier: Apache-2.0
#include "app/labs/labs.h"

#include <algorithm>
#include <set>

namespace quantscope {

std::vector<Lab> labs() {
    return {
        tensorLab(),
        matmulLab(),
        modelLab(),
    };
}

const Lab* findLab(const std::vector<Lab>& labs, std::string_view id) {
    const auto found = std::find_if(labs.begin(), labs.end(), [id](const Lab& lab) { return lab.id == id; });
    return found == labs.end() ? nullptr : &*found;
}

void addMissingParts(Experiment& experiment, const std::vector<Lab>& labs) {
    for (const Lab& lab : labs)
        if (lab.addDefaults) lab.addDefaults(experiment);
}

std::vector<std::string> checkpointsOf(const Experiment& experiment, const std::vector<Lab>& labs) {
    std::set<std::string> paths{experiment.model.modelPath};
    for (const Lab& lab : labs) {
        if (!lab.checkpoints) continue;
        for (std::string& path : lab.checkpoints(experiment)) paths.insert(std::move(path));
    }
    paths.erase("");
    return {paths.begin(), paths.end()};
}

}  // namespace quantscope
