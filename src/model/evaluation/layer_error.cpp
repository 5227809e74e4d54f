// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/layer_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "model/forward/block_operators.h"
#include "model/forward/embedding.h"
#include "model/weights/linear_weights.h"

namespace quantscope {
namespace {

/// Of layers that the measurement of one variant remembers: as a rule those of a block.
constexpr uint64_t kBytesKept = uint64_t{256} << 20;

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
               float* changedHidden, int64_t rows, std::span<LayerSums> sums) {
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

/// The layer as it runs beside the outputs that are measured: the same quantization.
Status addWeightError(LayerQuantizer& quantizer, const LinearInfo& layer, const QuantizedWeight& quantized,
                      LayerSums& sums) {
    const auto weight = quantizer.floats(layer);
    if (!weight) return fail(weight.error());
    sums.weight = splitOf(weight->floats().data(), quantized.values.floats().data(), weight->size());
    sums.bitsPerWeight = quantized.bitsPerWeight;
    sums.bytes = quantized.bytes;
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

Result<std::vector<LayerError>> measureLayerErrors(LayerQuantizer& quantizer, std::span<const int32_t> tokens,
                                                   const Variant& variant, int64_t window, const Job& job) {
    const Model& model = quantizer.model();
    const KernelTable& kernels = quantizer.kernels();
    const ModelConfig& config = model.config();
    const auto count = static_cast<int64_t>(tokens.size());
    if (count == 0 || window < 1) {
        return fail(ErrorKind::InvalidArgument, "there are no tokens to run", "text", "Use a longer text.");
    }
    if (Status valid = checkTokens(model, tokens); !valid) return fail(valid.error());
    const VariantPlan plan = planFor(variant, model);
    const VariantPlan plain = floatPlan(model);
    if (Status possible = checkExecution(plan, model); !possible) return fail(possible.error());
    const auto sample = tokens.first(static_cast<size_t>(std::min(window, count)));
    quantizer.setRangesText({sample.begin(), sample.end()});
    for (const Scheme& scheme : staticSchemes(plan))
        if (auto made = quantizer.ranges(scheme, job); !made) return fail(made.error());
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
    std::vector<LayerSums> all(model.linears().size());
    WeightStore weights(quantizer, 0);
    weights.showTo([&](const LinearInfo& layer, const QuantizedWeight& quantized) {
        return addWeightError(quantizer, layer, quantized, all[model.linearIndex(layer)]);
    });
    BlockComparison comparison(model, kernels, *rotary);
    std::vector<LayerError> errors;
    errors.reserve(model.linears().size());
    for (int64_t block = 0; block < config.blocks; ++block) {
        auto plainBlock = makeFloatBlock(model, kernels, block, job.quiet());
        if (!plainBlock) return fail(plainBlock.error());
        auto changedBlock = makeBlock(weights, plan, block, job.quiet());
        if (!changedBlock) return fail(changedBlock.error());
        const auto layers = model.blockLinears(block);
        const std::span sums(all.data() + model.linearsUntil(block - 1), layers.size());
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
        for (size_t i = 0; i < layers.size(); ++i) errors.push_back(layerError(layers[i], sums[i]));
    }
    return errors;
}

Result<std::vector<LayerError>> measureLayerErrors(const Model& model, std::span<const int32_t> tokens,
                                                   const Variant& variant, int64_t window,
                                                   const KernelTable& kernels, const Job& job,
                                                   const std::shared_ptr<CalibrationSource>& calibration) {
    LayerQuantizer quantizer(model, kernels, kBytesKept);
    quantizer.setCalibration(calibration);
    return measureLayerErrors(quantizer, tokens, variant, window, job);
}

}  // namespace quantscope
