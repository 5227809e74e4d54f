// SPDX-License-Identifier: Apache-2.0
#include "methods/llm_int8.h"

#include <algorithm>
#include <cmath>

#include "base/parallel_for.h"
#include "methods/interface/layer_result.h"
#include "methods/parts/coded_weight.h"
#include "numerics/nearest_even.h"
#include "quant/estimators/run_extremes.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

struct NearestCodes {
    [[gnu::always_inline]] static inline void run(std::span<const float> values, float inverse,
                                                  int32_t* codes) {
        for (size_t i = 0; i < values.size(); ++i)
            codes[i] = static_cast<int32_t>(nearestEven(values[i] * inverse));
    }
};

}  // namespace

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
        const Error refusal{ErrorKind::Unsupported,
                            "LLM.int8() takes one symmetric scale an output channel",
                            {},
                            "scheme",
                            "leave the scheme out"};
        info.schemeRules = {{"mapping", {"symmetric"}, refusal},
                            {"granularity", {"channel"}, refusal},
                            {"signed", {"true"}, refusal}};
        info.ignoredOfScheme = {"convention", "range", "rounding", "seed", "inverse"};
        for (std::string& key : rangeKeys()) info.ignoredOfScheme.push_back(std::move(key));
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
    const MatrixView w = input.weight.matrix();
    const auto largestCode = static_cast<float>(codeMax(scheme));
    std::vector<GroupParams> groups(static_cast<size_t>(w.rows));
    std::vector<float> inverses(groups.size());
    parallelFor(w.rows, 64, [&](int64_t begin, int64_t end) {
        for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r) {
            const float absmax = absMax(w.row(static_cast<int64_t>(r)), w.cols);
            const float inverse = largestCode / absmax;
            groups[r] = {absmax / largestCode, 0};
            inverses[r] = std::isfinite(inverse)
                              ? inverse
                              : 0.0F;  // a row of zeros, or too small for 1 / S: codes are 0
        }
    });
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "the quantization was stopped");
    return codedResult(
        codedRows(scheme, input.weight.shape(), std::move(groups), [&](int64_t r, std::span<int32_t> codes) {
            runWith<NearestCodes>(bestInstructionSet(), std::span<const float>(w.row(r), codes.size()),
                                  inverses[static_cast<size_t>(r)], codes.data());
        }));
}

}  // namespace quantscope
