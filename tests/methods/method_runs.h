// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "method_inputs.h"
#include "methods/interface/method.h"
#include "methods/interface/quantize_layer.h"

namespace quantscope::test {

inline Result<LayerResult> run(const char* text, const LayerInput& layer) {
    const auto variant = parseVariant(text);
    if (!variant) return fail(variant.error());
    return quantizeLayer(layer, variant->weights, {});
}

inline double errorOf(const char* text, const LayerInput& layer) {
    const auto result = run(text, layer);
    return result ? outputErrorOf(goldenTokens(), layer.weight, result->floats()) : -1;
}

}  // namespace quantscope::test
