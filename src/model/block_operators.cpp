// SPDX-License-Identifier: Apache-2.0
#include "model/block_operators.h"

#include <fmt/format.h>

#include "model/calibration.h"
#include "model/forward.h"

namespace quantscope {
namespace {

/// The layer of each input point that a tap reads: those that share it see the same matrix.
bool readsForItsPoint(LinearKind kind) {
    return kind == LinearKind::Query || kind == LinearKind::AttentionOutput || kind == LinearKind::Gate ||
           kind == LinearKind::Down;
}

}  // namespace

Result<StaticQuantizers> calibrateActivations(const Model& model, std::span<const int32_t> tokens,
                                              const Scheme& scheme, const KernelTable& kernels,
                                              const Job& job) {
    StaticQuantizers result(static_cast<size_t>(model.config().blocks));
    Status seen;
    const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
        if (point != TapPoint::Input || !readsForItsPoint(layer.kind) || !seen) return;
        auto quantizer = ActivationQuantizer::fromCalibration(scheme, values, kernels);
        if (!quantizer) {
            seen = fail(quantizer.error());
            return;
        }
        result[static_cast<size_t>(layer.block)][static_cast<size_t>(inputPointOf(layer.kind))] = *quantizer;
    };
    const ForwardPass pass(model, kernels);
    if (Status done = pass.run(tokens, static_cast<int64_t>(tokens.size()), job, tap); !done) {
        return fail(done.error());
    }
    if (!seen) return fail(seen.error());
    return result;
}

namespace {

using Transforms = std::array<std::optional<ActivationTransform>, kLinearsPerBlock>;

/// Gives the quantizer of each input point the basis that all its readers agree on. A permutation changes no
/// activation quantizer. Static ranges are measured again in the new basis, on the calibration's sample.
Status changeBases(std::span<const LinearInfo> layers, const Transforms& transforms, const WeightStore& store,
                   const KernelTable& kernels, const VariantPlan& plan, BlockOperators& block) {
    for (size_t i = 0; i < layers.size(); ++i) {
        const InputPoint point = inputPointOf(layers[i].kind);
        auto& quantizer = block.activations[static_cast<size_t>(point)];
        bool agree = transforms[i].has_value() && quantizer.has_value();
        for (size_t other = 0; other < layers.size(); ++other)
            if (inputPointOf(layers[other].kind) == point)
                agree = agree && transforms[other] == transforms[i];
        if (!agree) continue;
        ActivationTransform basis = *transforms[i];
        basis.permutation.clear();
        if (!basis.changesBasis()) continue;
        if (plan.activations->isStatic && store.calibration() != nullptr) {
            auto seen = store.calibration()->statistics(layers[i], {});
            if (!seen) return fail(seen.error());
            const MatrixView sample = (*seen)->sample.matrix();
            std::vector<float> changed(static_cast<size_t>(sample.size()));
            applyTransform(basis, sample, changed.data());
            auto made = ActivationQuantizer::fromCalibration(
                plan.activations->scheme, {changed.data(), sample.rows, sample.cols, sample.cols}, kernels);
            if (!made) return fail(made.error());
            made->keepOutliers(plan.activations->outlierThreshold);
            quantizer = std::move(*made);
        }
        quantizer->changeBasis(std::move(basis));
    }
    return {};
}

}  // namespace

Result<BlockOperators> makeBlock(const Model& model, int64_t block, const VariantPlan& plan,
                                 WeightStore& store, const StaticQuantizers* calibrated,
                                 const KernelTable& kernels, const Job& job) {
    BlockOperators result;
    auto attentionNorm = model.weight(fmt::format("blk.{}.attn_norm", block));
    if (!attentionNorm) return fail(attentionNorm.error());
    auto feedForwardNorm = model.weight(fmt::format("blk.{}.ffn_norm", block));
    if (!feedForwardNorm) return fail(feedForwardNorm.error());
    result.attentionNorm = std::move(*attentionNorm);
    result.feedForwardNorm = std::move(*feedForwardNorm);
    const auto layers = model.blockLinears(block);
    std::array<std::optional<ActivationTransform>, kLinearsPerBlock> transforms;
    for (size_t i = 0; i < layers.size(); ++i) {
        const size_t index = static_cast<size_t>(block) * kLinearsPerBlock + i;
        auto weights = store.get(layers[i], plan.layers[index], job);
        if (!weights) return fail(weights.error());
        result.linears[i] = weights->packed;
        transforms[i] = weights->transform;
    }
    if (!plan.activations) return result;
    if (plan.activations->isStatic) {
        result.activations = (*calibrated)[static_cast<size_t>(block)];
        for (auto& calibratedOne : result.activations)
            if (calibratedOne) calibratedOne->keepOutliers(plan.activations->outlierThreshold);
        if (Status changed = changeBases(layers, transforms, store, kernels, plan, result); !changed)
            return fail(changed.error());
        return result;
    }
    auto quantizer = ActivationQuantizer::dynamic(plan.activations->scheme, kernels);
    if (!quantizer) return fail(quantizer.error());
    quantizer->keepOutliers(plan.activations->outlierThreshold);
    result.activations.fill(*quantizer);
    if (Status changed = changeBases(layers, transforms, store, kernels, plan, result); !changed)
        return fail(changed.error());
    return result;
}

Result<RotaryTable> makeRotary(const Model& model, int64_t positions) {
    const ModelConfig& config = model.config();
    if (config.slidingWindow > 0 && positions > config.slidingWindow) {
        return fail(ErrorKind::Unsupported,
                    fmt::format("the model's attention looks back {} tokens, a window of {} needs more",
                                config.slidingWindow, positions),
                    "window", fmt::format("Use a window of at most {}.", config.slidingWindow));
    }
    std::vector<float> factors;
    if (auto stored = model.weight("rope_freqs")) {
        const auto values = stored->floats();
        factors.assign(values.begin(), values.end());
    }
    return RotaryTable(config, factors, positions);
}

}  // namespace quantscope
