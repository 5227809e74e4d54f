// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/llama.h"

namespace quantscope {

Architecture llamaArchitecture() {
    using enum LayerRole;
    Architecture family;
    family.label = "Llama, Mistral";
    family.classes = {"LlamaForCausalLM", "MistralForCausalLM"};
    family.modelTypes = {"llama", "mistral"};
    family.ggufNames = {"llama"};
    family.ggufRotary = RotaryLayout::Pairs;
    family.inputPoints = {
        {"attn", "residual", PointSource::Norm, "attn_norm"},
        {"attn_output", "attn_output", PointSource::Values, {}},
        {"ffn", "residual", PointSource::Norm, "ffn_norm"},
        {"ffn_down", "ffn_down", PointSource::GatedUp, {}},
    };
    family.layers = {
        {"attn_q", "self_attn.q_proj", Query, Extent::Queries, Extent::Hidden, 0, BiasRule::IfAttention},
        {"attn_k", "self_attn.k_proj", Key, Extent::KeyValues, Extent::Hidden, 0, BiasRule::IfAttention},
        {"attn_v", "self_attn.v_proj", Value, Extent::KeyValues, Extent::Hidden, 0, BiasRule::IfAttention},
        {"attn_output", "self_attn.o_proj", AttentionOutput, Extent::Hidden, Extent::Queries, 1,
         BiasRule::IfAttention},
        {"ffn_gate", "mlp.gate_proj", Gate, Extent::FeedForward, Extent::Hidden, 2, BiasRule::IfFeedForward},
        {"ffn_up", "mlp.up_proj", Up, Extent::FeedForward, Extent::Hidden, 2, BiasRule::IfFeedForward},
        {"ffn_down", "mlp.down_proj", Down, Extent::Hidden, Extent::FeedForward, 3, BiasRule::IfFeedForward},
    };
    family.norms = {
        {"attn_norm", "input_layernorm", NormPlace::BeforeAttention},
        {"ffn_norm", "post_attention_layernorm", NormPlace::BeforeFeedForward},
    };
    return family;
}

}  // namespace quantscope
