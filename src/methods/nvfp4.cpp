// SPDX-License-Identifier: Apache-2.0
#include "methods/nvfp4.h"

#include <cmath>

#include "methods/interface/options.h"
#include "methods/parts/input_runs.h"
#include "methods/parts/level_codes.h"
#include "methods/parts/minifloat_codes.h"
#include "methods/parts/stored_values.h"
#include "quant/passes/codebook_runs.h"

namespace quantscope {

const MethodInfo& Nvfp4::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "nvfp4";
        info.label = "NVFP4";
        info.source = "NVIDIA 2025; torchao nvfp4_tensor.py";
        info.help = "E2M1 elements, one E4M3 scale for 16 inputs, one F32 scale absmax / 2688 a tensor";
        info.usesScheme = false;
        info.minimumBits = 4.5;
        info.maximumBits = 4.5;
        info.scheme.bits = 4;
        return info;
    }();
    return kInfo;
}

double Nvfp4::storedBytes(const Recipe&, int64_t rows, int64_t cols) const {
    return std::ceil(static_cast<double>(rows * cols) / 2) +
           static_cast<double>(rows * runsIn(cols, kNvBlock)) + 4;
}

Result<LayerResult> Nvfp4::quantize(const LayerInput& input, const Recipe& recipe, const Job&) const {
    const MatrixView w = input.weight.matrix();
    const float tensorScale = nvfp4TensorScale(absMax(w));
    auto values = forRuns(w, kNvBlock, [&](const float* from, int64_t count, float* to) {
        const float s = nvfp4BlockScale(absMax(from, count), tensorScale);
        roundRun({from, static_cast<size_t>(count)}, kE2M1, {(1.0F / tensorScale) / s, false},
                 s * tensorScale, to);
    });
    return valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
}

CodesAnswer Nvfp4::elementCodes(const Tensor& weight, const Recipe&, const LayerResult& result) const {
    const MatrixView w = weight.matrix();
    const float tensorScale = nvfp4TensorScale(absMax(w));
    const GroupLayout layout{w.rows, w.cols, 1, kNvBlock};
    const auto scales = groupScales(
        w, layout, [&](float absmax) { return nvfp4BlockScale(absmax, tensorScale) * tensorScale; });
    return minifloatAnswer(result.values->matrix(), layout, scales, kE2M1, info().label);
}

}  // namespace quantscope
