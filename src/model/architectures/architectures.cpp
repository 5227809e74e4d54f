// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "model/architectures/architecture.h"
#include "model/architectures/llama.h"
#include "model/architectures/qwen2.h"
#include "model/architectures/qwen3.h"

namespace quantscope {

std::span<const Architecture> allArchitectures() {
    static const std::array kAll = {llamaArchitecture(), qwen2Architecture(), qwen3Architecture()};
    return kAll;
}

const Architecture* findArchitecture(std::string_view spelling) {
    const auto all = allArchitectures();
    const auto found = std::ranges::find_if(all, [&](const Architecture& family) {
        const auto has = [&](const std::vector<std::string>& names) {
            return std::ranges::find(names, spelling) != names.end();
        };
        return has(family.classes) || has(family.modelTypes) || has(family.ggufNames);
    });
    return found == all.end() ? nullptr : &*found;
}

std::string architectureLabels() {
    std::string text;
    for (const Architecture& family : allArchitectures()) text += (text.empty() ? "" : ", ") + family.label;
    return text;
}

int64_t widthOf(Extent extent, const ModelConfig& config) {
    switch (extent) {
        case Extent::FeedForward:
            return config.feedForward;
        case Extent::Queries:
            return config.heads * config.headDim;
        case Extent::KeyValues:
            return config.keyValueHeads * config.headDim;
        case Extent::Head:
            return config.headDim;
        case Extent::Vocabulary:
            return config.vocabulary;
        case Extent::Hidden:
            break;
    }
    return config.hidden;
}

bool hasBias(const LayerDescription& layer, const ModelConfig& config) {
    switch (layer.bias) {
        case BiasRule::Always:
            return true;
        case BiasRule::IfAttention:
            return config.attentionBias;
        case BiasRule::IfFeedForward:
            return config.feedForwardBias;
        case BiasRule::Never:
            break;
    }
    return false;
}

}  // namespace quantscope
