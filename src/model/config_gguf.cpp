// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "io/metadata.h"
#include "model/architectures/architecture.h"
#include "model/config.h"

namespace quantscope {
namespace {

/// Reads keys under the family's prefix ("llama.") and remembers the first one that is missing.
class Keys {
 public:
    Keys(const Metadata& metadata, std::string prefix) : m_metadata(metadata), m_prefix(std::move(prefix)) {}

    int64_t need(std::string_view key) {
        const auto value = metadataInt(m_metadata, m_prefix + std::string(key));
        if (!value && m_missing.empty()) m_missing = m_prefix + std::string(key);
        return value.value_or(0);
    }
    [[nodiscard]] int64_t intOr(std::string_view key, int64_t otherwise) const {
        return metadataInt(m_metadata, m_prefix + std::string(key)).value_or(otherwise);
    }
    [[nodiscard]] double doubleOr(std::string_view key, double otherwise) const {
        return metadataDouble(m_metadata, m_prefix + std::string(key)).value_or(otherwise);
    }
    [[nodiscard]] std::string textOr(std::string_view key, std::string otherwise) const {
        return metadataString(m_metadata, m_prefix + std::string(key)).value_or(std::move(otherwise));
    }
    [[nodiscard]] const std::string& missing() const { return m_missing; }

 private:
    const Metadata& m_metadata;
    std::string m_prefix;
    std::string m_missing;
};

Status readRope(const Keys& keys, ModelConfig& config) {
    config.rotaryDims = keys.intOr("rope.dimension_count", config.headDim);
    config.ropeTheta = keys.doubleOr("rope.freq_base", 10000);
    const std::string type = keys.textOr("rope.scaling.type", "none");
    const double factor = keys.doubleOr("rope.scaling.factor", keys.doubleOr("rope.scale_linear", 1));
    if (type == "linear" || (type == "none" && factor > 1)) {
        config.ropeScaling = RopeScaling::Linear;
        config.ropeFactor = factor;
    } else if (type != "none") {
        return fail(ErrorKind::Unsupported, fmt::format("rotary scaling \"{}\" is not handled", type),
                    "rope.scaling.type", "Use a model with linear or Llama 3 scaling, or none.");
    }
    return {};
}

/// Whether block 0 has the bias of a layer for which the family leaves that to the file.
bool hasBiasByRule(const Checkpoint& checkpoint, const Architecture& family, BiasRule rule) {
    return std::ranges::any_of(family.layers, [&](const LayerDescription& layer) {
        return layer.bias == rule && checkpoint.find(fmt::format("blk.0.{}.bias", layer.name)) != nullptr;
    });
}

tl::unexpected<Error> otherFamily(const std::string& architecture) {
    return fail(ErrorKind::Unsupported,
                architecture.empty()
                    ? "the file does not say which model it holds"
                    : fmt::format("models of architecture \"{}\" cannot be run", architecture),
                "general.architecture",
                fmt::format("Its tensors can be inspected; to evaluate, open a model of one of these "
                            "families: {}.",
                            architectureLabels()));
}

}  // namespace

Result<ModelConfig> configFromGguf(const Checkpoint& checkpoint) {
    const Metadata& metadata = checkpoint.metadata();
    ModelConfig config;
    config.architecture = metadataString(metadata, "general.architecture").value_or("");
    config.name = metadataString(metadata, "general.name").value_or("");
    const Architecture* family = findArchitecture(config.architecture);
    if (family == nullptr) return otherFamily(config.architecture);
    Keys keys(metadata, config.architecture + ".");
    if (keys.intOr("expert_count", 0) > 0) {
        return fail(ErrorKind::Unsupported, "mixtures of experts cannot be run",
                    config.architecture + ".expert_count", "Open a dense model.");
    }
    config.blocks = keys.need("block_count");
    config.contextLength = keys.need("context_length");
    config.hidden = keys.need("embedding_length");
    config.feedForward = keys.need("feed_forward_length");
    config.heads = keys.need("attention.head_count");
    if (!keys.missing().empty()) {
        return fail(ErrorKind::Malformed, "the key is missing or is not a number", keys.missing(),
                    "Convert the model again.");
    }
    config.keyValueHeads = keys.intOr("attention.head_count_kv", config.heads);
    config.headDim = keys.intOr("attention.key_length", config.heads > 0 ? config.hidden / config.heads : 0);
    if (keys.intOr("attention.value_length", config.headDim) != config.headDim) {
        return fail(ErrorKind::Unsupported, "keys and values of different width cannot be run",
                    config.architecture + ".attention.value_length", "Open another model of this family.");
    }
    config.slidingWindow = keys.intOr("attention.sliding_window", 0);
    config.normEpsilon = static_cast<float>(keys.doubleOr("attention.layer_norm_rms_epsilon", 1e-5));
    const TensorEntry* embedding = checkpoint.find("token_embd.weight");
    config.vocabulary = embedding && embedding->shape.size() == 2 ? embedding->shape[0] : 0;
    config.tiedEmbeddings = checkpoint.find("output.weight") == nullptr;
    config.attentionBias = hasBiasByRule(checkpoint, *family, BiasRule::IfAttention);
    config.feedForwardBias = hasBiasByRule(checkpoint, *family, BiasRule::IfFeedForward);
    config.rotaryLayout = family->ggufRotary;
    if (Status rope = readRope(keys, config); !rope) return fail(rope.error());
    if (Status checked = checkConfig(config); !checked) return fail(checked.error());
    return config;
}

}  // namespace quantscope
