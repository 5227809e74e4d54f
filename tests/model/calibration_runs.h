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

/// A protocol, what is calibrated on beside it, and where the run leaves what outlasts it.
struct ShortRun : EvaluationProtocol {
    CalibrationInput calibration;
    RunPlaces places;
};

inline ShortRun shortWindows() {
    ShortRun run;
    run.window = 16;
    run.calibration.window = 16;
    run.calibration.chunks = 3;
    return run;
}

/// Mean nll of the variant after such a run, or the error.
inline Result<double> scoreOf(const Model& model, const char* variant, const ShortRun& run) {
    const auto variants = parseVariants(std::string("float; ") + variant);
    if (!variants) return fail(variants.error());
    const auto result =
        evaluate(model, randomTokens(64), *variants, run, kernels(), {}, {}, run.calibration, run.places);
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
