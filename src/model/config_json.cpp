// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/json_input.h"
#include "model/architectures/architecture.h"
#include "model/config.h"

namespace quantscope {
namespace {

using Json = nlohmann::json;

const Json* find(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}
/// 0 when missing or not a whole number that fits; checkConfig refuses zeros.
int64_t integer(const Json& object, const char* key, int64_t otherwise = 0) {
    const Json* value = find(object, key);
    if (!value) return otherwise;
    return value->is_number_integer() &&
                   (!value->is_number_unsigned() || value->get<uint64_t>() < (1ULL << 40))
               ? value->get<int64_t>()
               : 0;
}
double real(const Json& object, const char* key, double otherwise) {
    const Json* value = find(object, key);
    return !value ? otherwise : value->is_number() ? value->get<double>() : std::nan("");
}
bool flag(const Json& object, const char* key) {
    const Json* value = find(object, key);
    return value && value->is_boolean() && value->get<bool>();
}
std::string text(const Json& object, const char* key) {
    const Json* value = find(object, key);
    return value && value->is_string() ? value->get<std::string>() : std::string();
}

tl::unexpected<Error> unsupported(std::string message, std::string field) {
    return fail(ErrorKind::Unsupported, std::move(message), std::move(field),
                fmt::format("Its tensors can be inspected; to evaluate, open a model of one of these "
                            "families: {}.",
                            architectureLabels()));
}

std::string architectureOf(const Json& root) {
    if (const Json* list = find(root, "architectures"); list && list->is_array() && !list->empty()) {
        const Json& first = list->front();
        if (first.is_string()) return first.get<std::string>();
    }
    return text(root, "model_type");
}

/// "rope_scaling" beside "rope_theta" (transformers 4), or all in "rope_parameters" (transformers 5).
Status readRope(const Json& root, ModelConfig& config) {
    const Json* parameters = find(root, "rope_parameters");
    if (!parameters) parameters = find(root, "rope_scaling");
    const Json none = Json::object();
    const Json& rope = parameters ? *parameters : none;
    config.ropeTheta = real(rope, "rope_theta", real(root, "rope_theta", 10000));
    std::string type = text(rope, "rope_type");
    if (type.empty()) type = text(rope, "type");
    if (type.empty() || type == "default") return {};
    config.ropeFactor = real(rope, "factor", 1);
    if (type == "linear") {
        config.ropeScaling = RopeScaling::Linear;
        return {};
    }
    if (type != "llama3")
        return unsupported(fmt::format("rotary scaling \"{}\" is not handled", type), "rope_scaling");
    config.ropeScaling = RopeScaling::Llama3;
    config.ropeLowFactor = real(rope, "low_freq_factor", 1);
    config.ropeHighFactor = real(rope, "high_freq_factor", 4);
    config.ropeOriginalContext = integer(rope, "original_max_position_embeddings", 8192);
    return {};
}

Status refuseOthers(const Json& root, const std::string& architecture) {
    if (findArchitecture(architecture) == nullptr) {
        return unsupported(architecture.empty()
                               ? "the configuration names no architecture"
                               : fmt::format("models of architecture \"{}\" cannot be run", architecture),
                           "config.json: architectures");
    }
    const std::string activation = text(root, "hidden_act");
    if (!activation.empty() && activation != "silu" && activation != "swish") {
        return unsupported(fmt::format("the activation \"{}\" is not handled", activation),
                           "config.json: hidden_act");
    }
    if (find(root, "quantization_config")) {
        return unsupported("checkpoints that another program has quantized cannot be run",
                           "config.json: quantization_config");
    }
    return {};
}

/// Tokens that the blocks look back at most; 0 = all.
int64_t slidingWindow(const Json& root, const Architecture& family, const ModelConfig& config) {
    int64_t window = integer(root, "sliding_window", 0);
    if (family.window == WindowedBlocks::BySwitch) {
        constexpr int64_t kDefaultFirst = 28;
        constexpr int64_t kDefaultWindow = 4096;
        if (!flag(root, "use_sliding_window")) return 0;
        if (integer(root, "max_window_layers", kDefaultFirst) >= config.blocks) return 0;
        window = integer(root, "sliding_window", kDefaultWindow);
    }
    return window >= config.contextLength ? 0 : window;
}

}  // namespace

Result<ModelConfig> configFromHuggingFace(std::string_view json) {
    Result<Json> parsed = parseJson(json);
    if (!parsed) return fail(parsed.error());
    const Json& root = *parsed;
    ModelConfig config;
    config.architecture = architectureOf(root);
    if (Status known = refuseOthers(root, config.architecture); !known) return fail(known.error());
    const Architecture& family = *findArchitecture(config.architecture);
    config.name = text(root, "_name_or_path");
    config.vocabulary = integer(root, "vocab_size");
    config.blocks = integer(root, "num_hidden_layers");
    config.hidden = integer(root, "hidden_size");
    config.feedForward = integer(root, "intermediate_size");
    config.heads = integer(root, "num_attention_heads");
    config.keyValueHeads = integer(root, "num_key_value_heads", config.heads);
    const int64_t sharedOut = config.heads > 0 ? config.hidden / config.heads : 0;
    config.headDim = integer(root, "head_dim", family.defaultHeadDim > 0 ? family.defaultHeadDim : sharedOut);
    config.contextLength = integer(root, "max_position_embeddings", 2048);
    config.slidingWindow = slidingWindow(root, family, config);
    config.normEpsilon = static_cast<float>(real(root, "rms_norm_eps", 1e-6));
    config.tiedEmbeddings = flag(root, "tie_word_embeddings");
    config.attentionBias = flag(root, "attention_bias");
    config.feedForwardBias = flag(root, "mlp_bias");
    config.rotaryLayout = RotaryLayout::Halves;
    config.rotaryDims = config.headDim;
    if (Status rope = readRope(root, config); !rope) return fail(rope.error());
    if (Status checked = checkConfig(config); !checked) return fail(checked.error());
    return config;
}

}  // namespace quantscope
