// SPDX-License-Identifier: Apache-2.0
#include "export/huggingface_view.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "export/rotary_rows.h"
#include "io/checkpoint_table.h"
#include "io/metadata.h"
#include "model/architectures/tensor_names.h"
#include "quant/blocks/block_formats.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

Json ropeScaling(const ModelConfig& config) {
    switch (config.ropeScaling) {
        case RopeScaling::Linear:
            return {{"rope_type", "linear"}, {"factor", config.ropeFactor}};
        case RopeScaling::Llama3:
            return {{"rope_type", "llama3"},
                    {"factor", config.ropeFactor},
                    {"low_freq_factor", config.ropeLowFactor},
                    {"high_freq_factor", config.ropeHighFactor},
                    {"original_max_position_embeddings", config.ropeOriginalContext}};
        default:
            return nullptr;
    }
}

Json configJson(const Architecture& family, const ModelConfig& config, const Tokenizer* tokenizer) {
    Json json = {{"architectures", {family.classes.front()}},
                 {"model_type", family.modelTypes.front()},
                 {"attention_bias", config.attentionBias},
                 {"mlp_bias", config.feedForwardBias},
                 {"hidden_act", "silu"},
                 {"vocab_size", config.vocabulary},
                 {"num_hidden_layers", config.blocks},
                 {"hidden_size", config.hidden},
                 {"intermediate_size", config.feedForward},
                 {"num_attention_heads", config.heads},
                 {"num_key_value_heads", config.keyValueHeads},
                 {"head_dim", config.headDim},
                 {"max_position_embeddings", config.contextLength},
                 // Nine digits bring a float32 back; more would be the digits of its rounding.
                 {"rms_norm_eps", std::stod(fmt::format("{:.9g}", config.normEpsilon))},
                 {"rope_theta", config.ropeTheta},
                 {"rope_scaling", ropeScaling(config)},
                 {"tie_word_embeddings", config.tiedEmbeddings},
                 {"torch_dtype", "float16"}};
    if (tokenizer != nullptr && tokenizer->bos()) json["bos_token_id"] = *tokenizer->bos();
    if (tokenizer != nullptr && tokenizer->eos()) json["eos_token_id"] = *tokenizer->eos();
    return json;
}

std::string tokenizerConfig(const Metadata& metadata, const Tokenizer& tokenizer) {
    Json json = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"add_bos_token", tokenizer.addsBos()},
                 {"clean_up_tokenization_spaces", false}};
    if (tokenizer.bos()) json["bos_token"] = tokenizer.tokenText(*tokenizer.bos());
    if (tokenizer.eos()) json["eos_token"] = tokenizer.tokenText(*tokenizer.eos());
    if (const auto chat = metadataString(metadata, "tokenizer.chat_template")) json["chat_template"] = *chat;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// One weight under its other name.
class ViewTensors {
 public:
    explicit ViewTensors(std::shared_ptr<const Model> model) : m_model(std::move(model)) {}

    Status add(const std::string& canonical, bool rotary) {
        const auto stored = m_model->storedWeight(canonical);
        if (!stored) return fail(stored.error());
        const bool block = infoOf(stored->dtype()).isBlock();
        const DType dtype = block ? DType::F16 : stored->dtype();
        const auto bytes = bytesNeeded(dtype, stored->shape());
        if (!bytes) return fail(bytes.error());
        tensors.push_back(
            {{fileTensorName(m_model->architecture(), canonical, NameStyle::HuggingFace),
              dtype,
              stored->shape(),
              *bytes,
              {}},
             [model = m_model, canonical, dtype, rotary, plain = !block && !rotary]() -> Result<Tensor> {
                 if (plain) return model->storedWeight(canonical);
                 auto values = model->weight(canonical);
                 if (!values) return values;
                 if (rotary) values = toRotaryHalves(*values, model->config().headDim);
                 return encodeBlocks(*values, dtype);
             }});
        return {};
    }

    /// A linear layer and its bias, if it has one.
    Status addLayer(const LinearInfo& layer, bool rotary) {
        if (Status done = add(layer.name, rotary); !done || layer.biasName.empty()) return done;
        return add(biasNameOf(layer), rotary);
    }

    std::vector<StoredTensor> tensors;

 private:
    std::shared_ptr<const Model> m_model;
};

}  // namespace

Result<HuggingFaceView> huggingFaceView(const std::shared_ptr<const Checkpoint>& gguf,
                                        const std::shared_ptr<const Model>& model) {
    const ModelConfig& config = model->config();
    if (config.rotaryDims != config.headDim)
        return fail(Error{ErrorKind::Unsupported, "only a part of each head turns", gguf->path().string(),
                          "rope.dimension_count", "Start from the Hugging Face folder of this model"});
    HuggingFaceView view;
    ViewTensors made(model);
    const bool pairs = config.rotaryLayout == RotaryLayout::Pairs;
    if (Status done = made.add(kEmbeddingName, false); !done) return fail(done.error());
    for (int64_t block = 0; block < config.blocks; ++block) {
        for (const NormDescription& norm : model->architecture().norms)
            if (Status done = made.add(blockWeightName(block, norm.name), false); !done)
                return fail(done.error());
        for (const LinearInfo& layer : model->blockLinears(block))
            if (Status done = made.addLayer(layer, pairs && hasRotaryRows(layer.role)); !done)
                return fail(done.error());
    }
    if (Status done = made.add(kFinalNormName, false); !done) return fail(done.error());
    if (!config.tiedEmbeddings)
        if (Status done = made.add(kHeadName, false); !done) return fail(done.error());
    const auto tokenizer = model->tokenizer();
    Metadata metadata;
    metadata["config.json"] =
        configJson(model->architecture(), config, tokenizer ? tokenizer->get() : nullptr).dump();
    const auto text = tokenizerJson(gguf->metadata());
    if (text && tokenizer) {
        view.files["tokenizer.json"] = *text;
        view.files["tokenizer_config.json"] = tokenizerConfig(gguf->metadata(), **tokenizer);
    } else {
        view.notes.push_back(fmt::format("no tokenizer.json was written: {}",
                                         text ? tokenizer.error().message : text.error().message));
    }
    view.checkpoint = std::make_shared<CheckpointTable>("Hugging Face view", gguf->path(),
                                                        std::move(made.tensors), std::move(metadata));
    return view;
}

}  // namespace quantscope
