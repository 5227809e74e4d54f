// SPDX-License-Identifier: Apache-2.0
#include "export/folded_block.h"

#include <fmt/format.h>

#include "model/forward/block_runner.h"

namespace quantscope {
namespace {

using Transforms = std::array<std::optional<ActivationTransform>, kLinearsPerBlock>;
using Flags = std::array<bool, kLinearsPerBlock>;

/// The one divisor of all layers that read this input.
Result<std::vector<float>> sharedDivisor(InputPoint point, std::span<const LinearInfo> layers,
                                         const Transforms& transforms, const Flags& inFloat) {
    const std::vector<float>* shared = nullptr;
    for (size_t i = 0; i < layers.size(); ++i) {
        if (inputPointOf(layers[i].kind) != point || inFloat[i]) continue;
        static const std::vector<float> kNone;
        const std::vector<float>& own = transforms[i] ? transforms[i]->divisor : kNone;
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
Result<std::vector<float>> perValueHead(const std::vector<float>& divisor, const ModelConfig& config) {
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
                    fmt::format("{} query heads share the values of {}, and attn_output scales them "
                                "differently",
                                config.heads, config.keyValueHeads),
                    "attn_output",
                    "Give attn_output another method: \"awq/int4 @*.attn_output=int4/affine/group=64\"");
        }
    return rows;
}

}  // namespace

Result<FoldedBlock> foldTransforms(std::span<const LinearInfo> layers, const ModelConfig& config,
                                   const Transforms& transforms, const Flags& inFloat) {
    for (size_t i = 0; i < layers.size(); ++i)
        if (transforms[i] && !transforms[i]->signs.empty())
            return fail(ErrorKind::Unsupported,
                        "rotated inputs need a rotation at run time, which no file holds", layers[i].name,
                        "Choose a method without a rotation");
    FoldedBlock fold;
    std::array<std::vector<float>, kInputPoints> divisors;
    for (int point = 0; point < kInputPoints; ++point) {
        auto divisor = sharedDivisor(static_cast<InputPoint>(point), layers, transforms, inFloat);
        if (!divisor) return fail(divisor.error());
        divisors[static_cast<size_t>(point)] = std::move(*divisor);
    }
    const auto at = [&](InputPoint point) -> const std::vector<float>& {
        return divisors[static_cast<size_t>(point)];
    };
    auto values = perValueHead(at(InputPoint::AttentionOutput), config);
    if (!values) return fail(values.error());
    fold.attentionNorm = at(InputPoint::Attention);
    fold.valueRows = std::move(*values);
    fold.feedForwardNorm = at(InputPoint::FeedForward);
    fold.upRows = at(InputPoint::Down);
    for (size_t i = 0; i < layers.size(); ++i) fold.inputs[i] = at(inputPointOf(layers[i].kind));
    return fold;
}

}  // namespace quantscope
