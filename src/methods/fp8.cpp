// SPDX-License-Identifier: Apache-2.0
#include "methods/fp8.h"

#include <algorithm>

#include "base/parallel_for.h"
#include "methods/interface/options.h"
#include "methods/parts/input_runs.h"
#include "methods/parts/level_codes.h"
#include "methods/parts/minifloat_codes.h"
#include "methods/parts/stored_values.h"
#include "quant/passes/codebook_runs.h"

namespace quantscope {

const MethodInfo& Fp8::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "fp8";
        info.label = "FP8";
        info.source = "Micikevicius et al. 2022 (arXiv:2209.05433)";
        info.help = "r = S cast(w / S) with S = absmax / 448 (E4M3) or / 57344 (E5M2); no integer grid";
        info.usesScheme = false;
        info.minimumBits = 8;
        info.parameters = {elementChoice("e4m3", "e5m2"),
                           choiceParameter("scale", "Scale", "what shares a scale",
                                           {{"tensor", "Tensor", ""},
                                            {"channel", "Output channel", ""},
                                            {"block", "128 x 128", "DeepSeek-V3"}},
                                           "channel")};
        return info;
    }();
    return kInfo;
}

double Fp8::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const std::string& scale = MethodOptions(info(), recipe).text("scale");
    double scales = 1;
    if (scale == "channel") scales = static_cast<double>(rows);
    if (scale == "block") scales = static_cast<double>(runsIn(rows, 128) * runsIn(cols, 128));
    return static_cast<double>(rows * cols) + 4 * scales;
}

Result<LayerResult> Fp8::quantize(const LayerInput& input, const Recipe& recipe, const Job&) const {
    const MethodOptions options(info(), recipe);
    const Minifloat element = minifloatNamed(options.text("element"));
    const std::string& scale = options.text("scale");
    const MatrixView w = input.weight.matrix();
    const int64_t blockRows = scale == "tensor" ? w.rows : (scale == "channel" ? 1 : 128);
    const int64_t blockCols = scale == "block" ? 128 : w.cols;
    FloatBuffer values = floatBuffer(w.size());
    const int64_t bands = runsIn(w.rows, std::max<int64_t>(blockRows, 1));
    parallelFor(bands, 1, [&](int64_t begin, int64_t end) {
        for (int64_t band = begin; band < end; ++band)
            for (int64_t col = 0; col < w.cols; col += blockCols) {
                const int64_t first = band * blockRows;
                const int64_t last = std::min(w.rows, first + blockRows);
                const int64_t count = std::min(blockCols, w.cols - col);
                float largest = 0;
                for (int64_t r = first; r < last; ++r)
                    largest = std::max(largest, absMax(w.row(r) + col, count));
                const float s = fp8Scale(largest, element);
                for (int64_t r = first; r < last; ++r)
                    roundRun({w.row(r) + col, static_cast<size_t>(count)}, element, {s, true}, s,
                             values.get() + r * w.cols + col);
            }
    });
    return valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
}

CodesAnswer Fp8::elementCodes(const Tensor& weight, const Recipe& recipe, const LayerResult& result) const {
    const MatrixView w = weight.matrix();
    const std::string& scale = MethodOptions(info(), recipe).text("scale");
    const Minifloat element = minifloatNamed(MethodOptions(info(), recipe).text("element"));
    const int64_t blockRows = scale == "tensor" ? w.rows : (scale == "channel" ? 1 : 128);
    const GroupLayout layout{w.rows, w.cols, blockRows, scale == "block" ? 128 : w.cols};
    const auto scales = groupScales(w, layout, [&](float absmax) { return fp8Scale(absmax, element); });
    return minifloatAnswer(result.values->matrix(), layout, scales, element, info().label);
}

}  // namespace quantscope
