// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/layer_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "methods/interface/method.h"
#include "model/calibration/calibration.h"
#include "model/forward/block_operators.h"
#include "model/forward/embedding.h"

namespace quantscope {
namespace {

/// Sums for ||B - A|| / ||A||.
struct Distance {
    double difference = 0;
    double reference = 0;
    void merge(const Distance& other) {
        difference += other.difference;
        reference += other.reference;
    }
    [[nodiscard]] double relative() const {
        if (reference > 0) return std::sqrt(difference / reference);
        return difference > 0 ? INFINITY : 0;
    }
};

Distance distanceOf(const float* reference, const float* other, int64_t count) {
    return parallelReduce<Distance>(
        count, 65536,
        [&](int64_t begin, int64_t end) {
            Distance part;
            for (int64_t i = begin; i < end; ++i) {
                const double difference = static_cast<double>(other[i]) - reference[i];
                part.difference += difference * difference;
                part.reference += static_cast<double>(reference[i]) * reference[i];
            }
            return part;
        },
        [](Distance& total, const Distance& part) { total.merge(part); });
}

/// What the two runs leave of one layer over one window.
struct Seen {
    std::vector<float> input;
    std::vector<float> output;
};

struct LayerSums {
    Distance local, accumulated, input;
    ErrorSplit weight;
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
};

/// The two runs in lock step over one block.
class BlockComparison {
 public:
    BlockComparison(const Model& model, const KernelTable& kernels, const RotaryTable& rotary)
        : m_model(model), m_rotary(rotary), m_runner(model.config(), kernels), m_linear(kernels, m_times) {}

    Status run(int64_t block, const BlockOperators& plain, const BlockOperators& changed, float* plainHidden,
               float* changedHidden, int64_t rows, std::vector<LayerSums>& sums) {
        const auto layers = m_model.blockLinears(block);
        const size_t first = m_model.linearsUntil(block - 1);
        const auto at = [&](const LinearInfo& layer) { return m_model.linearIndex(layer) - first; };
        std::vector<Seen> seen(layers.size());
        const Tap keep = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
            Seen& own = seen[at(layer)];
            auto& dst = point == TapPoint::Input ? own.input : own.output;
            dst.assign(values.data, values.data + values.size());
        };
        const Tap compare = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
            const size_t i = at(layer);
            const auto& reference = point == TapPoint::Input ? seen[i].input : seen[i].output;
            Distance& total = point == TapPoint::Input ? sums[i].input : sums[i].accumulated;
            total.merge(distanceOf(reference.data(), values.data, values.size()));
        };
        if (Status done = m_runner.run(plain, layers, m_rotary, plainHidden, rows, keep); !done) return done;
        if (Status done = m_runner.run(changed, layers, m_rotary, changedHidden, rows, compare); !done)
            return done;
        for (size_t i = 0; i < layers.size(); ++i)
            if (Status done = local(layers[i], changed.linears[i], seen[i], rows, sums[i]); !done)
                return done;
        return {};
    }

 private:
    /// The changed layer on the float run's input.
    Status local(const LinearInfo& layer, const LinearOperator& changed, const Seen& seen, int64_t rows,
                 LayerSums& sums) {
        const MatrixView x{seen.input.data(), rows, layer.inFeatures, layer.inFeatures};
        m_out.resize(static_cast<size_t>(rows * layer.outFeatures));
        m_linear.setInput(x);
        if (Status done = m_linear.multiply(changed, m_out.data()); !done) return done;
        sums.local.merge(distanceOf(seen.output.data(), m_out.data(), rows * layer.outFeatures));
        return {};
    }

    const Model& m_model;
    const RotaryTable& m_rotary;
    BlockRunner m_runner;
    StageTimes m_times;
    LinearRunner m_linear;
    std::vector<float> m_out;
};

/// What the layer's method may use: statistics of its inputs, and the weights that share them.
Result<LayerContext> layerContext(const Model& model, const LinearInfo& layer, const Recipe& recipe,
                                  CalibrationSource* calibration, const FloatGemm& gemm, const Job& job) {
    LayerContext context;
    if (recipe.scheme.isFloat()) return context;
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    context.product = productOf(gemm);
    if (calibration && (*method)->needs(recipe) != CalibrationNeed::None) {
        auto statistics = calibration->statistics(layer, job);
        if (!statistics) return fail(statistics.error());
        context.calibration = std::move(*statistics);
    }
    if (!(*method)->info().sharesTransform) return context;
    for (const LinearInfo& other : model.blockLinears(layer.block)) {
        if (other.inputPoint != layer.inputPoint) continue;
        auto weight = model.linearWeight(other.name, job.quiet());
        if (!weight) return fail(weight.error());
        context.siblings.push_back(std::move(*weight));
    }
    return context;
}

ErrorSplit splitOf(const float* exact, const float* changed, int64_t count) {
    return parallelReduce<ErrorSplit>(
        count, 65536,
        [&](int64_t begin, int64_t end) {
            ErrorSplit part;
            part.count = end - begin;
            for (int64_t i = begin; i < end; ++i) {
                const double r = exact[i];
                const double q = changed[i];
                part.roundingSse += (r - q) * (r - q);
                part.signalSse += r * r;
                part.dotProduct += r * q;
                part.outputSse += q * q;
                part.maxAbs = std::max(part.maxAbs, std::abs(exact[i] - changed[i]));
            }
            return part;
        },
        [](ErrorSplit& total, const ErrorSplit& part) { total.merge(part); });
}

double relative(const ErrorSplit& split) {
    return Distance{split.totalSse(), split.signalSse}.relative();
}

Status addWeightErrors(const Model& model, int64_t block, const VariantPlan& plan, const KernelTable& kernels,
                       const Job& job, CalibrationSource* calibration, std::vector<LayerSums>& sums) {
    const auto layers = model.blockLinears(block);
    const FloatGemm gemm(kernels);  // the context's product points to it
    for (size_t i = 0; i < layers.size(); ++i) {
        auto weight = model.linearWeight(layers[i].name);
        if (!weight) return fail(weight.error());
        const Recipe& recipe = plan.layers[model.linearsUntil(block - 1) + i];
        auto context = layerContext(model, layers[i], recipe, calibration, gemm, job);
        if (!context) return fail(context.error());
        auto quantized = applyRecipe(layers[i], *weight, recipe, kernels, job, *context);
        if (!quantized) return fail(quantized.error());
        sums[i].weight = splitOf(weight->floats().data(), quantized->values.floats().data(), weight->size());
        sums[i].bitsPerWeight = quantized->bitsPerWeight;
        sums[i].bytes = quantized->bytes;
    }
    return {};
}

LayerError layerError(const LinearInfo& layer, const LayerSums& sums) {
    LayerError error;
    error.layer = layer.name;
    error.block = layer.block;
    error.weightError = relative(sums.weight);
    error.weight = sums.weight;
    error.bytes = sums.bytes;
    error.localError = sums.local.relative();
    error.accumulatedError = sums.accumulated.relative();
    error.inputError = sums.input.relative();
    error.bitsPerWeight = sums.bitsPerWeight;
    error.parameters = layer.outFeatures * layer.inFeatures;
    return error;
}

}  // namespace

Result<std::vector<LayerError>> measureLayerErrors(const Model& model, std::span<const int32_t> tokens,
                                                   const Variant& variant, int64_t window,
                                                   const KernelTable& kernels, const Job& job,
                                                   const std::shared_ptr<CalibrationSource>& calibration) {
    const ModelConfig& config = model.config();
    const auto count = static_cast<int64_t>(tokens.size());
    if (count == 0 || window < 1) {
        return fail(ErrorKind::InvalidArgument, "there are no tokens to run", "text", "Use a longer text.");
    }
    if (Status valid = checkTokens(model, tokens); !valid) return fail(valid.error());
    const VariantPlan plan = planFor(variant, model);
    const VariantPlan plain = floatPlan(model);
    if (Status possible = checkExecution(plan, model); !possible) return fail(possible.error());
    CalibratedQuantizers calibrated;
    for (const Scheme& scheme : staticSchemes(plan)) {
        const auto sample = tokens.first(static_cast<size_t>(std::min(window, count)));
        auto made = calibrateActivations(model, sample, scheme, kernels, Job(job.stopToken()));
        if (!made) return fail(made.error());
        calibrated.emplace_back(scheme, std::make_shared<const StaticQuantizers>(std::move(*made)));
    }
    auto rotary = makeRotary(model, std::min(window, count));
    if (!rotary) return fail(rotary.error());
    std::vector<float> plainHidden;
    std::vector<float> changedHidden;
    for (std::vector<float>* hidden : {&plainHidden, &changedHidden})
        resizeFor(*hidden, static_cast<size_t>(count * config.hidden), "the hidden states");
    for (const VariantPlan* each : {&plain, &plan}) {
        auto embedding = Embedding::open(model, each->embedding, kernels, job.quiet());
        if (!embedding) return fail(embedding.error());
        embedding->look(tokens, (each == &plain ? plainHidden : changedHidden).data());
    }
    WeightStore store(model, kernels, 0);
    store.setCalibration(calibration);
    BlockComparison comparison(model, kernels, *rotary);
    std::vector<LayerError> errors;
    errors.reserve(model.linears().size());
    for (int64_t block = 0; block < config.blocks; ++block) {
        auto plainBlock = makeBlock(model, block, plain, store, {}, kernels, job.quiet());
        if (!plainBlock) return fail(plainBlock.error());
        auto changedBlock = makeBlock(model, block, plan, store, calibrated, kernels, job.quiet());
        if (!changedBlock) return fail(changedBlock.error());
        std::vector<LayerSums> sums(model.blockLinears(block).size());
        if (Status done = addWeightErrors(model, block, plan, kernels, job.quiet(), calibration.get(), sums);
            !done)
            return fail(done.error());
        for (int64_t begin = 0; begin < count; begin += window) {
            if (!job.proceed(static_cast<double>(block) / static_cast<double>(config.blocks),
                             fmt::format("layer errors, block {}", block))) {
                return fail(ErrorKind::Cancelled, "the measurement was stopped");
            }
            const int64_t offset = begin * config.hidden;
            const Status done =
                comparison.run(block, *plainBlock, *changedBlock, plainHidden.data() + offset,
                               changedHidden.data() + offset, std::min(window, count - begin), sums);
            if (!done) return fail(done.error());
        }
        const auto layers = model.blockLinears(block);
        for (size_t i = 0; i < layers.size(); ++i) errors.push_back(layerError(layers[i], sums[i]));
    }
    return errors;
}

Result<LayerResult> quantizedLinear(const Model& model, const LinearInfo& layer, const Recipe& recipe,
                                    CalibrationSource* calibration, const KernelTable& kernels,
                                    const Job& job) {
    auto weight = model.linearWeight(layer.name, job.quiet());
    if (!weight) return fail(weight.error());
    const FloatGemm gemm(kernels);
    auto context = layerContext(model, layer, recipe, calibration, gemm, job.part(0, 0.7));
    if (!context) return fail(context.error());
    return quantizeLayer({layer.name, std::move(*weight), context->calibration, context->siblings,
                          context->product, layer.role},
                         recipe, job.part(0.7, 1));
}

}  // namespace quantscope
