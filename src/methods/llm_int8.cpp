// SPDX-License-Identifier: Apache-2.0
#include "methods/llm_int8.h"

#include <algorithm>
#include <cmath>

#include "base/parallel_for.h"
#include "methods/layer_result.h"
#include "quant/packing.h"
#include "quant/quantize_params.h"
#include "quant/quantized_tensor.h"
#include "quant/reference.h"

namespace quantscope {

const MethodInfo& LlmInt8::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "llm-int8";
        info.label = "LLM.int8()";
        info.source = "Dettmers et al., NeurIPS 2022 (arXiv:2208.07339)";
        info.help =
            "C = sum over outlier channels X_h W_h in float + the int8 product of all others, rescaled by "
            "the "
            "absmax of each row of X and of W. Outliers: channels with |x| >= 6 in the data at hand.";
        info.runsOnIntegerKernels = true;
        info.minimumBits = 8;
        ActivationRecipe activations;
        activations.scheme.granularity = Granularity::Token;
        activations.outlierThreshold = 6;
        info.activations = activations;
        return info;
    }();
    return kInfo;
}

Result<LayerResult> LlmInt8::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const Scheme& scheme = recipe.scheme;
    if (scheme.mapping != Mapping::Symmetric || scheme.granularity != Granularity::OutputChannel ||
        !scheme.isSigned) {
        return fail(ErrorKind::Unsupported, "LLM.int8() takes one symmetric scale an output channel",
                    "scheme", "leave the scheme out");
    }
    const MatrixView w = input.weight.matrix();
    const auto largestCode = static_cast<float>(codeMax(scheme));
    const int64_t rowBytes = packedBytes(w.cols, scheme.bits);
    std::vector<std::byte> packed(static_cast<size_t>(w.rows * rowBytes));
    std::vector<GroupParams> groups(static_cast<size_t>(w.rows));
    parallelFor(w.rows, 64, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> codes(static_cast<size_t>(w.cols));
        for (int64_t r = begin; r < end && !job.stopRequested(); ++r) {
            const float* row = w.row(r);
            float absmax = 0;
            for (int64_t c = 0; c < w.cols; ++c) absmax = std::max(absmax, std::abs(row[c]));
            const float inverse = absmax > 0 ? largestCode / absmax : 0.0F;
            groups[static_cast<size_t>(r)] = storedParams({absmax / largestCode, 0}, scheme);
            for (int64_t c = 0; c < w.cols; ++c)
                codes[static_cast<size_t>(c)] = static_cast<int32_t>(std::nearbyint(row[c] * inverse));
            packCodes(codes, codeMin(scheme), scheme.bits, packed.data() + r * rowBytes);
        }
    });
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "the quantization was stopped");
    return codedResult(QuantizedTensor(scheme, input.weight.shape(), GroupLayout::of(scheme, w.rows, w.cols),
                                       std::move(packed), std::move(groups)));
}

}  // namespace quantscope
