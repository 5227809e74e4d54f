// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/variant_sizes.h"

#include <algorithm>
#include <vector>

#include "methods/interface/recipe_needs.h"

namespace quantscope {
namespace {

double layerBits(const LinearInfo& layer, const Recipe& recipe) {
    if (recipe.scheme.format != "float")
        return recipeBitsPerWeight(recipe, layer.outFeatures, layer.inFeatures);
    return 8.0 * static_cast<double>(layer.bytes) / static_cast<double>(layer.outFeatures * layer.inFeatures);
}

}  // namespace

void fillSizes(VariantScore& score, const Model& model, const VariantPlan& plan) {
    double bits = 0;
    double elements = 0;
    double change = 0;
    for (size_t i = 0; i < plan.layers.size(); ++i) {
        const LinearInfo& layer = model.linears()[i];
        const auto size = static_cast<double>(layer.outFeatures * layer.inFeatures);
        const double own = layerBits(layer, plan.layers[i]);
        if (layer.block >= 0) {
            bits += own * size;
            elements += size;
        }
        if (plan.layers[i].scheme.format == "float") continue;
        const bool sharesEmbedding = layer.block < 0 && model.config().tiedEmbeddings;
        change += own * size / 8 - (sharesEmbedding ? 0 : static_cast<double>(layer.bytes));
    }
    score.bitsPerWeight = elements > 0 ? bits / elements : 0;
    score.weightBytes = static_cast<uint64_t>(static_cast<double>(model.storedBytes()) + change);
}

uint64_t packedBytes(const Model& model, std::span<const VariantPlan* const> plans) {
    uint64_t bytes = 0;
    for (size_t layer = 0; layer < model.linears().size(); ++layer) {
        std::vector<const Recipe*> seen;
        for (const VariantPlan* plan : plans) {
            const Recipe& recipe = plan->layers[layer];
            if (std::ranges::any_of(seen, [&](const Recipe* other) { return *other == recipe; })) continue;
            seen.push_back(&recipe);
        }
        const LinearInfo& info = model.linears()[layer];
        bytes += seen.size() * sizeof(float) * static_cast<uint64_t>(info.outFeatures * info.inFeatures);
    }
    return bytes;
}

}  // namespace quantscope
