// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/tensor_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kBias = ".bias";

/// Of the block's weight with this canonical name; empty = the family has none.
std::string_view huggingFaceName(const Architecture& family, std::string_view name) {
    for (const LayerDescription& layer : family.layers)
        if (layer.name == name) return layer.huggingFace;
    for (const NormDescription& norm : family.norms)
        if (norm.name == name) return norm.huggingFace;
    return {};
}

std::string huggingFaceModule(const Architecture& family, std::string_view canonical) {
    if (canonical == kEmbeddingName) return family.embedding;
    if (canonical == kFinalNormName) return family.finalNorm;
    if (canonical == kHeadName) return family.head;
    const size_t dot = canonical.starts_with("blk.") ? canonical.find('.', 4) : std::string_view::npos;
    const std::string_view name =
        dot == std::string_view::npos ? "" : huggingFaceName(family, canonical.substr(dot + 1));
    if (name.empty()) return std::string(canonical);
    return fmt::format("{}.{}.{}", family.blockPrefix, canonical.substr(4, dot - 4), name);
}

LinearInfo described(const Architecture& family, const ModelConfig& config, size_t index, int64_t block) {
    const LayerDescription& layer = family.layers[index];
    LinearInfo info;
    info.name = blockWeightName(block, layer.name);
    info.block = block;
    info.role = layer.role;
    info.inputPoint = layer.inputPoint;
    info.inputName = family.inputPoints[static_cast<size_t>(layer.inputPoint)].name;
    info.firstReader = index == 0 || family.layers[index - 1].inputPoint != layer.inputPoint;
    info.outFeatures = widthOf(layer.out, config);
    info.inFeatures = widthOf(layer.in, config);
    if (hasBias(layer, config)) info.biasName = biasNameOf(info);
    return info;
}

LinearInfo describedHead(const ModelConfig& config) {
    LinearInfo info;
    info.name = kHeadName;
    info.block = -1;
    info.role = LayerRole::Head;
    info.outFeatures = config.vocabulary;
    info.inFeatures = config.hidden;
    return info;
}

}  // namespace

std::string blockWeightName(int64_t block, std::string_view name) {
    return fmt::format("blk.{}.{}", block, name);
}

std::string fileTensorName(const Architecture& family, std::string_view canonical, NameStyle style) {
    const std::string_view kind = canonical.ends_with(kBias) ? kBias : kWeight;
    if (kind == kBias) canonical.remove_suffix(kBias.size());
    if (style == NameStyle::Gguf) return fmt::format("{}{}", canonical, kind);
    return fmt::format("{}{}", huggingFaceModule(family, canonical), kind);
}

std::string biasNameOf(const LinearInfo& layer) {
    return fmt::format("{}{}", layer.name, kBias);
}

std::vector<LinearInfo> describedLinears(const Architecture& family, const ModelConfig& config,
                                         int64_t block) {
    if (block < 0) return {describedHead(config)};
    std::vector<LinearInfo> layers;
    for (size_t i = 0; i < family.layers.size(); ++i) layers.push_back(described(family, config, i, block));
    return layers;
}

}  // namespace quantscope
