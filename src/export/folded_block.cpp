// SPDX-License-Identifier: Apache-2.0
#include "export/folded_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace quantscope {
namespace {

/// The one divisor of all layers that read this input.
Result<std::vector<float>> sharedDivisor(int point, std::span<const LinearInfo> layers,
                                         std::span<const FoldedLayer> made) {
    const std::vector<float>* shared = nullptr;
    for (size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].inputPoint != point || made[i].inFloat) continue;
        static const std::vector<float> kNone;
        const std::vector<float>& own = made[i].transform ? made[i].transform->divisor : kNone;
        if (shared != nullptr && *shared != own)
            return fail(ErrorKind::Unsupported,
                        "layers that read the same input scale it differently, and a file has one input for "
                        "them all",
                        layers[i].name, "Give the layers that share an input the same method");
        shared = &own;
    }
    return shared == nullptr ? std::vector<float>() : *shared;
}

/// [heads headDim] to [keyValueHeads headDim], where query heads that share values agree.
Result<std::vector<float>> perValueHead(const std::vector<float>& divisor, const ModelConfig& config,
                                        const std::string& reader) {
    if (divisor.empty()) return divisor;
    const int64_t shared = config.heads / config.keyValueHeads;
    std::vector<float> rows(static_cast<size_t>(config.keyValueHeads * config.headDim));
    for (int64_t head = 0; head < config.heads; ++head)
        for (int64_t i = 0; i < config.headDim; ++i) {
            float& row = rows[static_cast<size_t>(head / shared * config.headDim + i)];
            const float own = divisor[static_cast<size_t>(head * config.headDim + i)];
            if (head % shared == 0) row = own;
            if (row != own)
                return fail(
                    ErrorKind::Unsupported,
                    fmt::format("{} query heads share the values of {}, and {} scales them differently",
                                config.heads, config.keyValueHeads, reader),
                    reader,
                    fmt::format("Give {0} another method: \"awq/int4 @*.{0}=int4/affine/group=64\"", reader));
        }
    return rows;
}

/// Puts a point's divisor into what makes its values.
Status foldPoint(const InputPointInfo& point, std::vector<float> divisor, std::span<const LinearInfo> layers,
                 const ModelConfig& config, FoldedBlock& fold) {
    if (divisor.empty()) return {};
    const auto rowsOf = [&](LayerRole role) -> std::vector<float>& {
        const auto layer = std::ranges::find(layers, role, &LinearInfo::role);
        assert(layer != layers.end());
        return fold.rows[static_cast<size_t>(layer - layers.begin())];
    };
    switch (point.source) {
        case PointSource::Norm:
            fold.norms.emplace_back(point.norm, std::move(divisor));
            break;
        case PointSource::Values: {
            auto rows = perValueHead(divisor, config, point.name);
            if (!rows) return fail(rows.error());
            rowsOf(LayerRole::Value) = std::move(*rows);
            break;
        }
        case PointSource::GatedUp:
            rowsOf(LayerRole::Up) = std::move(divisor);
            break;
    }
    return {};
}

}  // namespace

Result<FoldedBlock> foldTransforms(std::span<const LinearInfo> layers, std::span<const InputPointInfo> points,
                                   const ModelConfig& config, std::span<const FoldedLayer> made) {
    for (size_t i = 0; i < layers.size(); ++i)
        if (made[i].transform && !made[i].transform->signs.empty())
            return fail(ErrorKind::Unsupported,
                        "rotated inputs need a rotation at run time, which no file holds", layers[i].name,
                        "Choose a method without a rotation");
    FoldedBlock fold;
    fold.rows.resize(layers.size());
    fold.inputs.resize(layers.size());
    for (size_t point = 0; point < points.size(); ++point) {
        auto divisor = sharedDivisor(static_cast<int>(point), layers, made);
        if (!divisor) return fail(divisor.error());
        for (size_t i = 0; i < layers.size(); ++i)
            if (layers[i].inputPoint == static_cast<int>(point)) fold.inputs[i] = *divisor;
        if (Status done = foldPoint(points[point], std::move(*divisor), layers, config, fold); !done)
            return fail(done.error());
    }
    return fold;
}

}  // namespace quantscope
