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
    int layerTokens = 512;  ///< tokens of the text used for layer errors and captured activations; 0 = none
    bool operator==(const ModelPart&) const = default;
};

/// Where a person looks in it.
struct ModelView {
    static constexpr const char* kLab = "model";
    int layerVariant = 1;  ///< index of the variant the layer table shows
    std::string layer;     ///< layer whose activations are drawn; empty = the first ffn_down
    bool operator==(const ModelView&) const = default;
};

}  // namespace quantscope
