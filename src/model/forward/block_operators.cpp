// SPDX-License-Identifier: Apache-2.0
#include "model/forward/block_operators.h"

#include <fmt/format.h>

#include <algorithm>

#include "methods/interface/input_order.h"
#include "model/architectures/tensor_names.h"
#include "model/calibration/calibration.h"
#include "model/calibration/ordered_calibration.h"
#include "model/forward/forward.h"
#include "model/weights/layer_quantizer.h"
#include "model/weights/linear_weights.h"

namespace quantscope {

Result<StaticQuantizers> calibrateActivations(const Model& model, std::span<const int32_t> tokens,
                                              const Scheme& scheme, const KernelTable& kernels,
                                              const Job& job) {
    StaticQuantizers result;
    for (int64_t block = 0; block < model.config().blocks; ++block)
        result.emplace_back(model.inputPoints(block).size());
    Status seen;
    const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
        if (point != TapPoint::Input || !layer.firstReader || !seen) return;
        auto quantizer = ActivationQuantizer::fromCalibration(scheme, values, kernels);
        if (!quantizer) {
            seen = fail(quantizer.error());
            return;
        }
        result[static_cast<size_t>(layer.block)][static_cast<size_t>(layer.inputPoint)] = *quantizer;
    };
    const ForwardPass pass(model, kernels);
    if (Status done = pass.run(tokens, static_cast<int64_t>(tokens.size()), job, tap); !done) {
        return fail(done.error());
    }
    if (!seen) return fail(seen.error());
    return result;
}

std::vector<Scheme> staticSchemes(const VariantPlan& plan) {
    std::vector<Scheme> schemes;
    for (const auto& input : plan.inputs)
        if (input && input->isStatic && std::ranges::find(schemes, input->scheme) == schemes.end())
            schemes.push_back(input->scheme);
    return schemes;
}

namespace {

/// What a layer wants of its input; layers that want the same share it.
struct InputWish {
    int point = 0;
    std::optional<ActivationRecipe> activations;
    std::optional<IntegerLayout> layout;
    std::optional<ActivationTransform> basis;  ///< that differs from the layer's own
    bool operator==(const InputWish&) const = default;
};

/// Makes the operators of a block, or of the head, from the layers of a plan. Takes no text through any
/// block: the calibration text, if one is needed, stands at this block already.
class OperatorMaker {
 public:
    OperatorMaker(WeightStore& weights, const VariantPlan& plan, std::span<const LinearInfo> layers)
        : m_weights(weights),
          m_quantizer(weights.layers()),
          m_layers(layers),
          m_first(m_quantizer.model().linearIndex(layers.front())),
          m_plan(plan),
          m_known(layers.size()),
          m_layouts(layers.size()),
          m_transforms(layers.size()) {}

    /// What is there without quantizing anything.
    Status look(const Job& job) {
        for (size_t i = 0; i < m_layers.size(); ++i) {
            auto known = m_weights.find(m_plan, m_layers[i], job);
            if (!known) return fail(known.error());
            m_known[i] = std::move(*known);
        }
        return {};
    }
    /// After look(): whether a layer that is not there waits for the calibration text.
    [[nodiscard]] bool needsText() const {
        for (size_t i = 0; i < m_layers.size(); ++i)
            if (!m_known[i] && m_quantizer.orderOf(m_plan.layers[m_first + i]) != InputOrder::Float)
                return true;
        return false;
    }

    /// Input point by input point: when a layer's statistics are gathered, those before it run as the plan
    /// says. `before`: only the layers of earlier points.
    Status make(std::span<LinearOperator> operators, const Job& job, std::optional<int> before = {}) {
        for (size_t begin = 0; begin < m_layers.size();) {
            const int point = m_layers[begin].inputPoint;
            if (before && point >= *before) return {};
            size_t end = begin;
            while (end < m_layers.size() && m_layers[end].inputPoint == point) ++end;
            for (size_t i = begin; i < end; ++i)
                if (Status made = makeWeights(i, operators, job); !made) return made;
            for (size_t i = begin; i < end; ++i) {
                auto input = inputOf(i, job);
                if (!input) return fail(input.error());
                operators[i].input = std::move(*input);
            }
            begin = end;
        }
        return {};
    }

 private:
    Status makeWeights(size_t i, std::span<LinearOperator> operators, const Job& job) {
        auto layout = integerLayout(m_plan.layers[m_first + i], m_plan.inputs[m_first + i]);
        if (!layout) return fail(layout.error());
        m_layouts[i] = *layout;
        if (!m_known[i]) {
            const auto statistics = statisticsOf(i, operators, job);
            if (!statistics) return fail(statistics.error());
            auto made = m_weights.make(m_plan, m_layers[i], *statistics, job);
            if (!made) return fail(made.error());
            m_known[i] = std::move(*made);
        }
        auto bias = m_quantizer.model().bias(m_layers[i]);
        if (!bias) return fail(bias.error());
        operators[i].bias = std::move(*bias);
        operators[i].packed = m_known[i]->packed;
        operators[i].integer = m_known[i]->integer;
        m_transforms[i] = m_known[i]->transform;
        return {};
    }

    /// In the order that the layer's recipe asks for.
    Result<StatisticsPtr> statisticsOf(size_t i, std::span<const LinearOperator> made, const Job& job) {
        const LinearInfo& layer = m_layers[i];
        const Recipe& recipe = m_plan.layers[m_first + i];
        const InputOrder order = m_quantizer.orderOf(recipe);
        if (order == InputOrder::Float) return m_quantizer.floatStatistics(layer, recipe, job);
        if (layer.block < 0) return fail(outsideCalibration(layer));
        const auto ordered = m_quantizer.ordered(m_plan, layer.block);
        if (!ordered) return fail(ordered.error());
        return (*ordered)->statistics(layer, order, made, job);
    }

    /// The basis in which layer i's input is quantized. Codes stand in the transform's own basis. Values
    /// stand in the layer's, and its input is quantized elsewhere only if all readers agree; a permutation
    /// changes no quantizer.
    [[nodiscard]] std::optional<ActivationTransform> basisOf(size_t i) const {
        std::optional<ActivationTransform> basis = m_transforms[i];
        if (!basis || !basis->changesBasis()) return {};
        if (m_layouts[i]) return basis;
        for (size_t other = 0; other < m_layers.size(); ++other)
            if (m_layers[other].inputPoint == m_layers[i].inputPoint &&
                m_transforms[other] != m_transforms[i])
                return {};
        basis->permutation.clear();
        if (!m_plan.inputs[m_first + i] || !basis->changesBasis()) return {};
        return basis;
    }

    Result<std::shared_ptr<const LinearInput>> inputOf(size_t i, const Job& job) {
        InputWish wish{m_layers[i].inputPoint, m_plan.inputs[m_first + i], m_layouts[i], basisOf(i)};
        if (!wish.activations && !wish.basis) return std::shared_ptr<const LinearInput>{};
        for (const auto& [known, input] : m_inputs)
            if (known == wish) return input;
        auto input = std::make_shared<LinearInput>();
        input->isSigned = wish.layout == IntegerLayout::Int4;
        if (wish.activations) {
            auto quantizer = quantizerFor(wish, m_layers[i], job);
            if (!quantizer) return fail(quantizer.error());
            input->quantizer = std::move(*quantizer);
        } else {
            input->transform = wish.basis;
        }
        m_inputs.emplace_back(std::move(wish), input);
        return input;
    }

    Result<ActivationQuantizer> quantizerFor(const InputWish& wish, const LinearInfo& layer, const Job& job) {
        const ActivationRecipe& recipe = *wish.activations;
        auto made = recipe.isStatic ? calibrated(wish, layer, job)
                                    : ActivationQuantizer::dynamic(recipe.scheme, m_quantizer.kernels());
        if (!made) return fail(made.error());
        made->keepOutliers(recipe.outlierThreshold);
        if (wish.basis) made->changeBasis(*wish.basis);
        return made;
    }

    /// A range from calibration: of the float model's inputs, in another basis measured again on the sample.
    Result<ActivationQuantizer> calibrated(const InputWish& wish, const LinearInfo& layer, const Job& job) {
        const Scheme& scheme = wish.activations->scheme;
        if (wish.basis && m_quantizer.calibration() != nullptr) {
            auto seen = m_quantizer.calibration()->statistics(layer, {});
            if (!seen) return fail(seen.error());
            const MatrixView sample = (*seen)->sample.matrix();
            std::vector<float> changed(static_cast<size_t>(sample.size()));
            applyTransform(*wish.basis, sample, changed.data());
            return ActivationQuantizer::fromCalibration(
                scheme, {changed.data(), sample.rows, sample.cols, sample.cols}, m_quantizer.kernels());
        }
        const auto ranges = m_quantizer.ranges(scheme, job);
        if (!ranges) return fail(ranges.error());
        return *(**ranges)[static_cast<size_t>(layer.block)][static_cast<size_t>(wish.point)];
    }

    WeightStore& m_weights;
    LayerQuantizer& m_quantizer;
    std::span<const LinearInfo> m_layers;
    size_t m_first;
    const VariantPlan& m_plan;
    std::vector<std::optional<LinearWeights>> m_known;
    std::vector<std::optional<IntegerLayout>> m_layouts;
    std::vector<std::optional<ActivationTransform>> m_transforms;
    std::vector<std::pair<InputWish, std::shared_ptr<const LinearInput>>> m_inputs;
};

/// The block as the maker has it, with its norms.
Result<BlockOperators> blockOf(const Model& model, int64_t block, OperatorMaker& maker, const Job& job) {
    BlockOperators result;
    auto norms = loadNorms(model, block);
    if (!norms) return fail(norms.error());
    result.norms = std::move(*norms);
    result.linears.resize(model.blockLinears(block).size());
    if (Status made = maker.make(result.linears, job); !made) return fail(made.error());
    return result;
}

/// Takes the calibration text through the plan's blocks before this one.
Status takeText(WeightStore& weights, const VariantPlan& plan, int64_t block, const Job& job) {
    const Model& model = weights.layers().model();
    const auto text = weights.layers().ordered(plan, block);
    if (!text) return fail(text.error());
    OrderedCalibration& ordered = **text;
    if (ordered.next() > block) ordered.restart();
    if (Status begun = ordered.begin(job); !begun) return begun;
    while (ordered.next() < block) {
        const int64_t next = ordered.next();
        if (!job.proceed(static_cast<double>(next) / static_cast<double>(block),
                         fmt::format("block {} of the {} before", next + 1, block)))
            return fail(ErrorKind::Cancelled, "the calibration was stopped");
        OperatorMaker maker(weights, plan, model.blockLinears(next));
        if (Status looked = maker.look(job.quiet()); !looked) return looked;
        const auto made = blockOf(model, next, maker, job.quiet());
        if (!made) return fail(made.error());
        if (Status told = ordered.finished(next, *made, job.quiet()); !told) return told;
    }
    return {};
}

}  // namespace

Result<std::vector<BlockNorm>> loadNorms(const Model& model, int64_t block) {
    std::vector<BlockNorm> norms;
    for (const NormDescription& norm : model.architecture().norms) {
        auto weight = model.weight(blockWeightName(block, norm.name));
        if (!weight) return fail(weight.error());
        norms.push_back({norm.place, std::move(*weight)});
    }
    return norms;
}

Result<BlockOperators> makeBlock(WeightStore& weights, const VariantPlan& plan, int64_t block,
                                 const Job& job) {
    LayerQuantizer& layers = weights.layers();
    OperatorMaker maker(weights, plan, layers.model().blockLinears(block));
    if (Status looked = maker.look(job); !looked) return fail(looked.error());
    if (maker.needsText())
        if (Status taken = takeText(weights, plan, block, job); !taken) return fail(taken.error());
    auto made = blockOf(layers.model(), block, maker, job);
    if (!made) return made;
    if (Status told = layers.tellOrdered(plan, block, *made, job); !told) return fail(told.error());
    return made;
}

Result<BlockOperators> makeFloatBlock(const Model& model, const KernelTable& kernels, int64_t block,
                                      const Job& job) {
    LayerQuantizer layers(model, kernels, 0);
    WeightStore weights(layers, 0);
    return makeBlock(weights, floatPlan(model), block, job);
}

Result<LinearOperator> makeHead(WeightStore& weights, const VariantPlan& plan, const Job& job) {
    LinearOperator head;
    OperatorMaker maker(weights, plan, {&weights.layers().model().head(), 1});
    if (Status looked = maker.look(job); !looked) return fail(looked.error());
    if (Status made = maker.make({&head, 1}, job); !made) return fail(made.error());
    return head;
}

Result<StatisticsPtr> orderedStatistics(LayerQuantizer& layers, const VariantPlan& plan,
                                        const LinearInfo& layer, const Job& job) {
    if (layer.block < 0) return fail(outsideCalibration(layer));
    WeightStore weights(layers, 0);
    if (Status taken = takeText(weights, plan, layer.block, job); !taken) return fail(taken.error());
    const auto readers = layers.model().blockLinears(layer.block);
    const InputOrder order = layers.orderOf(plan.layers[layers.model().linearIndex(layer)]);
    std::vector<LinearOperator> made(readers.size());
    if (order == InputOrder::TrueSequential) {
        OperatorMaker maker(weights, plan, readers);
        if (Status looked = maker.look(job.quiet()); !looked) return fail(looked.error());
        if (Status before = maker.make(made, job.quiet(), layer.inputPoint); !before)
            return fail(before.error());
    }
    const auto ordered = layers.ordered(plan, layer.block);
    if (!ordered) return fail(ordered.error());
    return (*ordered)->statistics(layer, order, made, job);
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
