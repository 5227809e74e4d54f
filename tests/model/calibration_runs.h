// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/variant_text.h"
#include "model/calibration/calibration.h"
#include "model/evaluation/evaluation.h"
#include "tiny_model.h"

namespace quantscope::test {

inline const KernelTable& kernels() {
    return **chooseKernels(detectCpuFeatures());
}

using Tokens = std::shared_ptr<const std::vector<int32_t>>;

inline Tokens someText(uint64_t seed = 5) {
    return std::make_shared<const std::vector<int32_t>>(randomTokens(70, seed));
}

inline EvaluationProtocol shortWindows() {
    EvaluationProtocol protocol;
    protocol.window = 16;
    protocol.calibrationWindow = 16;
    protocol.calibrationChunks = 3;
    return protocol;
}

/// Mean nll of the variant after a run with this protocol, or the error.
inline Result<double> scoreOf(const Model& model, const char* variant, const EvaluationProtocol& protocol) {
    const auto variants = parseVariants(std::string("float; ") + variant);
    if (!variants) return fail(variants.error());
    const auto result = evaluate(model, randomTokens(64), *variants, protocol, kernels(), {});
    if (!result) return fail(result.error());
    if (result->variants[1].error) return fail(*result->variants[1].error);
    return result->variants[1].meanNll;
}

inline CalibrationOptions optionsOf(const Tokens& text) {
    CalibrationOptions options;
    options.tokens.assign(text->begin(), text->begin() + 48);
    options.window = 16;
    return options;
}

}  // namespace quantscope::test
