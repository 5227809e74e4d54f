// SPDX-License-Identifier: Apache-2.0
#include "model/forward/block_operators.h"

#include <fmt/format.h>

#include <algorithm>

#include "methods/interface/input_order.h"
#include "model/architectures/tensor_names.h"
#include "model/calibration/calibration.h"
#include "model/calibration/ordered_calibration.h"
#include "model/forward/forward.h"

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

/// Makes the operators of a block, or of the head, whose layers are those of the plan from `first` on.
class OperatorMaker {
 public:
    OperatorMaker(const Model& model, std::span<const LinearInfo> layers, size_t first,
                  const VariantPlan& plan, WeightStore& store, const CalibratedQuantizers& calibrated,
                  const KernelTable& kernels)
        : m_model(model),
          m_layers(layers),
          m_first(first),
          m_plan(plan),
          m_store(store),
          m_calibrated(calibrated),
          m_kernels(kernels),
          m_layouts(layers.size()),
          m_transforms(layers.size()) {}

    /// Input point by input point: when a layer's statistics are gathered, those before it run as the plan
    /// says.
    Status make(std::span<LinearOperator> operators, const Job& job) {
        for (size_t begin = 0; begin < m_layers.size();) {
            size_t end = begin;
            while (end < m_layers.size() && m_layers[end].inputPoint == m_layers[begin].inputPoint) ++end;
            for (size_t i = begin; i < end; ++i)
                if (Status made = makeWeights(i, operators, job); !made) return made;
            for (size_t i = begin; i < end; ++i) {
                auto input = inputOf(i);
                if (!input) return fail(input.error());
                operators[i].input = std::move(*input);
            }
            begin = end;
        }
        return {};
    }

 private:
    Status makeWeights(size_t i, std::span<LinearOperator> operators, const Job& job) {
        const Recipe& recipe = m_plan.layers[m_first + i];
        const auto& activations = m_plan.inputs[m_first + i];
        auto layout = integerLayout(recipe, activations);
        if (!layout) return fail(layout.error());
        m_layouts[i] = *layout;
        std::optional<IntegerUse> use;
        if (*layout) use = IntegerUse{**layout, activations && activations->outlierThreshold > 0};
        const OrderedInputs inputs = orderedInputs(i, operators);
        auto weights = m_store.get(m_layers[i], recipe, job, use, inputs.plan ? &inputs : nullptr);
        if (!weights) return fail(weights.error());
        auto bias = m_model.bias(m_layers[i]);
        if (!bias) return fail(bias.error());
        operators[i].bias = std::move(*bias);
        operators[i].packed = weights->packed;
        operators[i].integer = weights->integer;
        m_transforms[i] = std::move(weights->transform);
        return {};
    }

    /// Without a plan where the recipe takes the float model's inputs.
    OrderedInputs orderedInputs(size_t i, std::span<const LinearOperator> made) {
        const InputOrder order = inputOrder(m_plan.layers[m_first + i]);
        if (order == InputOrder::Float) return {};
        if (!m_sharedPlan) m_sharedPlan = std::make_shared<const VariantPlan>(m_plan);
        return {m_sharedPlan, [=, this](const Job& job) { return seen(m_layers[i], order, made, job); }};
    }

    Result<std::shared_ptr<const CalibrationStatistics>> seen(const LinearInfo& layer, InputOrder order,
                                                              std::span<const LinearOperator> made,
                                                              const Job& job) {
        if (layer.block < 0) return fail(outsideCalibration(layer));
        auto ordered = m_store.ordered(m_plan, layer.block);
        if (!ordered) return fail(ordered.error());
        OrderedCalibration& calibration = **ordered;
        if (calibration.next() > layer.block) calibration.restart();
        if (Status begun = calibration.begin(job); !begun) return fail(begun.error());
        // Where the text has not come this far, the blocks before are made once more, or come from the store.
        while (calibration.next() < layer.block) {
            auto block =
                makeBlock(m_model, calibration.next(), m_plan, m_store, m_calibrated, m_kernels, job);
            if (!block) return fail(block.error());
        }
        return calibration.statistics(layer, order, made, job);
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

    Result<std::shared_ptr<const LinearInput>> inputOf(size_t i) {
        InputWish wish{m_layers[i].inputPoint, m_plan.inputs[m_first + i], m_layouts[i], basisOf(i)};
        if (!wish.activations && !wish.basis) return std::shared_ptr<const LinearInput>{};
        for (const auto& [known, input] : m_inputs)
            if (known == wish) return input;
        auto input = std::make_shared<LinearInput>();
        input->isSigned = wish.layout == IntegerLayout::Int4;
        if (wish.activations) {
            auto quantizer = quantizerFor(wish, m_layers[i]);
            if (!quantizer) return fail(quantizer.error());
            input->quantizer = std::move(*quantizer);
        } else {
            input->transform = wish.basis;
        }
        m_inputs.emplace_back(std::move(wish), input);
        return input;
    }

    Result<ActivationQuantizer> quantizerFor(const InputWish& wish, const LinearInfo& layer) const {
        const ActivationRecipe& recipe = *wish.activations;
        auto made = recipe.isStatic ? calibrated(wish, layer)
                                    : ActivationQuantizer::dynamic(recipe.scheme, m_kernels);
        if (!made) return fail(made.error());
        made->keepOutliers(recipe.outlierThreshold);
        if (wish.basis) made->changeBasis(*wish.basis);
        return made;
    }

    /// A range from calibration: of the float model's inputs, in another basis measured again on the sample.
    Result<ActivationQuantizer> calibrated(const InputWish& wish, const LinearInfo& layer) const {
        const Scheme& scheme = wish.activations->scheme;
        if (wish.basis && m_store.calibration() != nullptr) {
            auto seen = m_store.calibration()->statistics(layer, {});
            if (!seen) return fail(seen.error());
            const MatrixView sample = (*seen)->sample.matrix();
            std::vector<float> changed(static_cast<size_t>(sample.size()));
            applyTransform(*wish.basis, sample, changed.data());
            return ActivationQuantizer::fromCalibration(
                scheme, {changed.data(), sample.rows, sample.cols, sample.cols}, m_kernels);
        }
        for (const auto& [known, quantizers] : m_calibrated)
            if (known == scheme)
                return *(*quantizers)[static_cast<size_t>(layer.block)][static_cast<size_t>(wish.point)];
        return fail(ErrorKind::Internal, "a static range was not calibrated", "activations");
    }

    const Model& m_model;
    std::span<const LinearInfo> m_layers;
    size_t m_first;
    const VariantPlan& m_plan;
    WeightStore& m_store;
    const CalibratedQuantizers& m_calibrated;
    const KernelTable& m_kernels;
    std::vector<std::optional<IntegerLayout>> m_layouts;
    std::vector<std::optional<ActivationTransform>> m_transforms;
    std::vector<std::pair<InputWish, std::shared_ptr<const LinearInput>>> m_inputs;
    std::shared_ptr<const VariantPlan> m_sharedPlan;
};

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

Result<BlockOperators> makeBlock(const Model& model, int64_t block, const VariantPlan& plan,
                                 WeightStore& store, const CalibratedQuantizers& calibrated,
                                 const KernelTable& kernels, const Job& job) {
    BlockOperators result;
    auto norms = loadNorms(model, block);
    if (!norms) return fail(norms.error());
    result.norms = std::move(*norms);
    const auto layers = model.blockLinears(block);
    result.linears.resize(layers.size());
    OperatorMaker maker(model, layers, model.linearsUntil(block - 1), plan, store, calibrated, kernels);
    if (Status made = maker.make(result.linears, job); !made) return fail(made.error());
    if (Status told = store.tellOrdered(plan, block, result, job); !told) return fail(told.error());
    return result;
}

Result<LinearOperator> makeHead(const Model& model, const VariantPlan& plan, WeightStore& store,
                                const KernelTable& kernels, const Job& job) {
    LinearOperator head;
    OperatorMaker maker(model, {&model.head(), 1}, plan.layers.size() - 1, plan, store, {}, kernels);
    if (Status made = maker.make({&head, 1}, job); !made) return fail(made.error());
    return head;
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
