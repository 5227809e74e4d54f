// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/tensor_names.h"

#include <fmt/format.h>

#include <array>

namespace quantscope {
namespace {

struct NamePair {
    std::string_view canonical;
    std::string_view huggingFace;
};

// The linear layers first, in LinearKind's order.
constexpr std::array kInBlock = {
    NamePair{"attn_q", "self_attn.q_proj"},
    NamePair{"attn_k", "self_attn.k_proj"},
    NamePair{"attn_v", "self_attn.v_proj"},
    NamePair{"attn_output", "self_attn.o_proj"},
    NamePair{"ffn_gate", "mlp.gate_proj"},
    NamePair{"ffn_up", "mlp.up_proj"},
    NamePair{"ffn_down", "mlp.down_proj"},
    NamePair{"attn_norm", "input_layernorm"},
    NamePair{"ffn_norm", "post_attention_layernorm"},
};
constexpr std::array kOutside = {
    NamePair{"token_embd", "model.embed_tokens"},
    NamePair{"output_norm", "model.norm"},
    NamePair{"output", "lm_head"},
};

}  // namespace

std::string linearName(int64_t block, LinearKind kind) {
    if (kind == LinearKind::Output) return "output";
    return fmt::format("blk.{}.{}", block, kInBlock[static_cast<size_t>(kind)].canonical);
}

std::string fileTensorName(std::string_view canonical, NameStyle style) {
    if (style == NameStyle::Gguf) return fmt::format("{}.weight", canonical);
    for (const NamePair& pair : kOutside) {
        if (pair.canonical == canonical) return fmt::format("{}.weight", pair.huggingFace);
    }
    if (canonical.starts_with("blk.")) {
        const size_t dot = canonical.find('.', 4);
        const std::string_view part = dot == std::string_view::npos ? "" : canonical.substr(dot + 1);
        for (const NamePair& pair : kInBlock) {
            if (pair.canonical == part) {
                return fmt::format("model.layers.{}.{}.weight", canonical.substr(4, dot - 4),
                                   pair.huggingFace);
            }
        }
    }
    return fmt::format("{}.weight", canonical);
}

}  // namespace quantscope
