// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "methods/interface/layer_role.h"
#include "model/config.h"

namespace quantscope {

/// Canonical names of the weights outside the blocks, the same for all families.
constexpr const char* kEmbeddingName = "token_embd";
constexpr const char* kFinalNormName = "output_norm";
constexpr const char* kHeadName = "output";

/// A width of a model, in which the shapes of its weights are told.
enum class Extent {
    Hidden,       ///< of the residual stream
    FeedForward,  ///< inside the feed-forward network
    Queries,      ///< heads x headDim
    KeyValues,    ///< keyValueHeads x headDim
    Head,         ///< headDim
    Vocabulary
};

/// What makes the values of an input point, and therefore where a factor a channel can be folded into.
enum class PointSource {
    Norm,     ///< a norm: into its weight
    Values,   ///< attention, which averages the value layer's outputs: into that layer's rows
    GatedUp,  ///< activation(gate) * up: into the rows of up
};

/// One of the places of a block where linear layers take their input.
struct InputPointInfo {
    std::string name;      ///< in saved calibrations: "ffn_down"
    std::string channels;  ///< points with the same name have the same hidden dimensions: "residual"
    PointSource source = PointSource::Norm;
    std::string norm;  ///< whose output it is, where the source is one: "attn_norm"
};

/// Whether a linear layer adds a bias to its product. The last two: where ModelConfig says so.
enum class BiasRule { Never, Always, IfAttention, IfFeedForward };

/// A linear layer of every block.
struct LayerDescription {
    std::string name;         ///< canonical, which is GGUF's: "attn_q"
    std::string huggingFace;  ///< "self_attn.q_proj"
    LayerRole role = LayerRole::Other;
    Extent out = Extent::Hidden;
    Extent in = Extent::Hidden;
    int inputPoint = 0;  ///< index into Architecture::inputPoints
    BiasRule bias = BiasRule::Never;
};

/// Where a norm stands in the order of a block. Query and key heads are normed one by one, before they turn.
enum class NormPlace { BeforeAttention, QueryHeads, KeyHeads, BeforeFeedForward };

/// A norm of every block.
struct NormDescription {
    std::string name;         ///< canonical, which is GGUF's: "attn_norm"
    std::string huggingFace;  ///< "input_layernorm"
    NormPlace place = NormPlace::BeforeAttention;
    Extent width = Extent::Hidden;
};

/// Which blocks config.json's sliding_window is for.
enum class WindowedBlocks {
    All,       ///< every block, wherever it is set
    BySwitch,  ///< those from max_window_layers on, if use_sliding_window is set
};

/// What a family of models is: everything that the code must know to read its files and to run it. Plain
/// data, one value a family; the forward pass, calibration and exports read it and know no family.
struct Architecture {
    std::string label;                        ///< for people: "Llama"
    std::vector<std::string> classes;         ///< config.json: architectures; the first is what exports write
    std::vector<std::string> modelTypes;      ///< config.json: model_type, likewise
    std::vector<std::string> ggufNames;       ///< general.architecture, likewise
    RotaryLayout ggufRotary{};                ///< order of the rows of attn_q and attn_k in GGUF files
    std::vector<InputPointInfo> inputPoints;  ///< in the order in which they are reached
    std::vector<LayerDescription> layers;     ///< of a block, in running order, by input point
    std::vector<NormDescription> norms;       ///< of a block
    int64_t defaultHeadDim = 0;               ///< where config.json has no head_dim; 0: hidden / heads
    WindowedBlocks window = WindowedBlocks::All;
    // Names in a Hugging Face checkpoint, without ".weight".
    std::string blockPrefix = "model.layers";
    std::string embedding = "model.embed_tokens";
    std::string finalNorm = "model.norm";
    std::string head = "lm_head";
};

/// All families, in the order they are named to people.
std::span<const Architecture> allArchitectures();

/// By a spelling in config.json (architectures, model_type) or GGUF (general.architecture); null: unknown.
const Architecture* findArchitecture(std::string_view spelling);

/// The families' labels for error messages: "Llama, Mistral".
std::string architectureLabels();

int64_t widthOf(Extent extent, const ModelConfig& config);

bool hasBias(const LayerDescription& layer, const ModelConfig& config);

}  // namespace quantscope
