// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/qwen2.h"

#include "model/architectures/llama.h"

namespace quantscope {

Architecture qwen2Architecture() {
    Architecture family = llamaArchitecture();
    family.label = "Qwen2";
    family.classes = {"Qwen2ForCausalLM"};
    family.modelTypes = {"qwen2"};
    family.ggufNames = {"qwen2"};
    family.ggufRotary = RotaryLayout::Halves;
    family.window = WindowedBlocks::BySwitch;
    for (LayerDescription& layer : family.layers) {
        const bool readsFirst =
            layer.role == LayerRole::Query || layer.role == LayerRole::Key || layer.role == LayerRole::Value;
        layer.bias = readsFirst ? BiasRule::Always : BiasRule::Never;
    }
    return family;
}

}  // namespace quantscope
