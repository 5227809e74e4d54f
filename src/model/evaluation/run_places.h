// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace quantscope {

/// How an evaluation is run: where it leaves what outlasts it. Nothing here changes a result.
struct RunPlaces {
    /// Folder in which layers that methods have quantized outlast a run that is stopped; empty = none.
    std::string resumeFolder = {};
    /// Where the calibration goes: an importance matrix to *.gguf, all of it to any other name.
    std::string calibrationTarget = {};
    bool operator==(const RunPlaces&) const = default;
};

}  // namespace quantscope
