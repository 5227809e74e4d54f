// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/qwen3.h"

#include "model/architectures/llama.h"

namespace quantscope {

Architecture qwen3Architecture() {
    Architecture family = llamaArchitecture();
    family.label = "Qwen3";
    family.classes = {"Qwen3ForCausalLM"};
    family.modelTypes = {"qwen3"};
    family.ggufNames = {"qwen3"};
    family.ggufRotary = RotaryLayout::Halves;
    family.window = WindowedBlocks::BySwitch;
    family.defaultHeadDim = 128;
    family.norms.push_back({"attn_q_norm", "self_attn.q_norm", NormPlace::QueryHeads, Extent::Head});
    family.norms.push_back({"attn_k_norm", "self_attn.k_norm", NormPlace::KeyHeads, Extent::Head});
    for (LayerDescription& layer : family.layers)
        if (layer.bias == BiasRule::IfFeedForward) layer.bias = BiasRule::Never;
    return family;
}

}  // namespace quantscope
