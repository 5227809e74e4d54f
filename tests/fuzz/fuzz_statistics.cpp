// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "model/calibration/importance_matrix.h"
#include "model/calibration/saved_calibration.h"
#include "open_bytes.h"

using namespace quantscope;

namespace {

/// The layers that the seeds have statistics of.
std::vector<LinearInfo> layers() {
    std::vector<LinearInfo> all;
    const auto add = [&all](const char* name, int inputPoint, const char* inputName) {
        LinearInfo layer;
        layer.name = name;
        layer.inputPoint = inputPoint;
        layer.inputName = inputName;
        layer.inFeatures = 2;
        layer.outFeatures = 2;
        all.push_back(layer);
    };
    add("blk.0.attn_q", 0, "attn");
    add("blk.0.ffn_down", 3, "ffn_down");
    return all;
}

/// Statistics that are accepted are numbers, of every input.
void ask(CalibrationSource& source) {
    for (const LinearInfo& layer : layers()) {
        const auto found = source.statistics(layer, Job{});
        if (!found) {
            if (found.error().message.empty()) std::abort();
            continue;
        }
        if ((*found)->meanSquare.size() != static_cast<size_t>(layer.inFeatures)) std::abort();
        for (const double square : (*found)->meanSquare)
            if (!(square >= 0) || std::isinf(square)) std::abort();
    }
}

}  // namespace

/// Importance matrices in both forms, and saved calibrations behind a first byte of 'c'.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 4) return 0;
    if (data[0] != 'c') {
        const fuzz::BytesAsFile file(data, size);
        const auto matrix = ImportanceMatrix::open(file.path());
        if (!matrix && matrix.error().message.empty()) std::abort();
        if (matrix) ask(**matrix);
        return 0;
    }
    const auto bytes = fuzz::asSafetensors(data + 1, size - 1);
    const fuzz::BytesAsFile file(bytes.data(), bytes.size());
    auto opened = openCheckpoint(file.path());
    if (!opened) return 0;
    const auto saved = SavedCalibration::open(*opened, "model");
    if (saved) ask(**saved);
    return 0;
}
