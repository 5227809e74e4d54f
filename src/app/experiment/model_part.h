// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/experiment/experiment.h"
#include "model/evaluation/evaluation.h"

namespace quantscope {

/// How the Model lab measures the experiment's model.
struct ModelPart {
    static constexpr const char* kLab = "model";
    EvaluationProtocol evaluation;
    int layerTokens = 512;    ///< tokens of the text used for layer errors and captured activations; 0 = none
    int layerWindow = 512;    ///< of them, in one pass of the layer errors
    bool layersOnly = false;  ///< nothing but the layer errors
    bool operator==(const ModelPart&) const = default;
};

/// Where a person looks in it.
struct ModelView {
    static constexpr const char* kLab = "model";
    int layerVariant = 1;  ///< index of the variant the layer table shows
    std::string layer;     ///< layer whose activations are drawn; empty = the first ffn_down
    bool operator==(const ModelView&) const = default;
};

/// "llama.cpp", "gptq", "sliding" and "auto", "chunk-major", "layer-major": what files, the command line and
/// results call them.
constexpr const char* kRuleNames[] = {"llama.cpp", "gptq", "sliding"};
constexpr const char* kOrderNames[] = {"auto", "chunk-major", "layer-major"};
inline const char* ruleName(WindowRule rule) {
    return kRuleNames[static_cast<size_t>(rule)];
}
inline const char* orderName(EvaluationOrder order) {
    return kOrderNames[static_cast<size_t>(order)];
}

/// The captured inputs that the experiment's model and text offer as matrices; the layer is left open.
ActivationSource capturedInputs(const Experiment& experiment);

}  // namespace quantscope
