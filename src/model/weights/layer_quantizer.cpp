// SPDX-License-Identifier: Apache-2.0
#include "model/weights/layer_quantizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "methods/interface/input_order.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/recipe_needs.h"
#include "methods/registry.h"
#include "model/calibration/calibration.h"
#include "model/calibration/ordered_calibration.h"
#include "model/forward/block_operators.h"
#include "model/weights/fingerprint.h"
#include "model/weights/finished_layers.h"
#include "model/weights/linear_weights.h"

namespace quantscope {
namespace {

/// Plans that differ, beyond those that remembered layers point to.
constexpr size_t kSharedPlans = 32;
/// Different (text, scheme) of static ranges.
constexpr size_t kKnownRanges = 16;

uint64_t bytesOf(const Trace& trace) {
    uint64_t bytes = 0;
    for (const TraceSeries& series : trace.series)
        bytes += sizeof(series) + sizeof(double) * (series.x.size() + series.y.size());
    return bytes;
}

}  // namespace

uint64_t QuantizedLayer::memory() const {
    uint64_t held = sizeof(*this);
    if (result.weight)
        held += result.weight->packedCodes().size() + sizeof(GroupParams) * result.weight->groups().size();
    if (result.values) held += result.values->bytes().size();
    if (result.blocks) held += result.blocks->bytes().size();
    if (result.transform)
        held += sizeof(float) * (result.transform->divisor.size() + result.transform->signs.size()) +
                sizeof(int32_t) * result.transform->permutation.size();
    if (result.trace) held += bytesOf(*result.trace);
    return held;
}

bool isElementwise(const Recipe& recipe) {
    return recipe.scheme.isFloat() || (recipe.method == "rtn" && recipe.parameters.empty());
}

LayerQuantizer::LayerQuantizer(const Model& model, const KernelTable& kernels, uint64_t maxBytes)
    : m_model(model), m_kernels(kernels), m_gemm(kernels), m_known(maxBytes) {}
LayerQuantizer::~LayerQuantizer() = default;

void LayerQuantizer::setCalibration(std::shared_ptr<CalibrationSource> calibration) {
    m_calibration = std::move(calibration);
    m_calibrationPrint = m_calibration ? m_calibration->fingerprint() : "";
    m_ordered.clear();
}

void LayerQuantizer::setRangesText(std::vector<int32_t> tokens) {
    m_rangesPrint = textFingerprint(tokens, static_cast<int64_t>(tokens.size()));
    m_rangesTokens = std::move(tokens);
}

Result<std::string> LayerQuantizer::modelPrint() {
    if (m_modelPrint.empty()) {
        auto print = modelFingerprint(m_model);
        if (!print) return print;
        m_modelPrint = std::move(*print);
    }
    return m_modelPrint;
}

std::shared_ptr<const VariantPlan> LayerQuantizer::shared(const VariantPlan& plan) {
    const auto known = std::ranges::find_if(m_plans, [&](const auto& other) { return *other == plan; });
    auto result = known != m_plans.end() ? *known : std::make_shared<const VariantPlan>(plan);
    if (known != m_plans.end()) m_plans.erase(known);
    m_plans.push_back(result);
    if (m_plans.size() > kSharedPlans) m_plans.erase(m_plans.begin());
    return result;
}

Result<LayerKey> LayerQuantizer::keyOf(const VariantPlan& plan, const LinearInfo& layer) {
    const size_t index = m_model.linearIndex(layer);
    LayerKey key;
    const Recipe& recipe = plan.layers[index];
    const InputOrder order = orderOf(recipe);
    key.layer = layer.name;
    key.recipe = keyRecipe(recipe, order);
    key.kernels = m_kernels.name;
    if (isElementwise(recipe)) return key;
    auto model = modelPrint();
    if (!model) return fail(model.error());
    key.model = std::move(*model);
    if (calibrationNeed(recipe) == CalibrationNeed::None) return key;
    key.calibration = m_calibrationPrint;
    if (order == InputOrder::Float || layer.block < 0) return key;
    key.past = {shared(plan), index, {}};
    if (std::any_of(plan.inputs.begin(), plan.inputs.begin() + static_cast<std::ptrdiff_t>(index),
                    [](const auto& input) { return input && input->isStatic; }))
        key.past.ranges = m_rangesPrint;
    return key;
}

QuantizedLayerPtr LayerQuantizer::remember(LayerKey key, LayerResult result, bool isReadBack) {
    const double bits = result.bitsPerWeight();
    const uint64_t bytes = result.bytes;
    auto layer =
        std::make_shared<const QuantizedLayer>(QuantizedLayer{std::move(result), bits, bytes, isReadBack});
    m_known.put(std::move(key), layer, layer->memory());
    return layer;
}

Result<QuantizedLayerPtr> LayerQuantizer::find(const VariantPlan& plan, const LinearInfo& layer) {
    auto key = keyOf(plan, layer);
    if (!key) return fail(key.error());
    if (const auto* known = m_known.find(*key)) return *known;
    if (!m_finished || isElementwise(key->recipe)) return QuantizedLayerPtr();
    auto kept = m_finished->find(layer, fileText(*key));
    if (!kept) return QuantizedLayerPtr();
    return remember(std::move(*key), std::move(*kept), true);
}

Result<QuantizedLayerPtr> LayerQuantizer::compute(const VariantPlan& plan, const LinearInfo& layer,
                                                  const StatisticsPtr& statistics, const Job& job) {
    auto key = keyOf(plan, layer);
    if (!key) return fail(key.error());
    const Recipe& recipe = plan.layers[m_model.linearIndex(layer)];
    const auto input = inputOf(layer, recipe, statistics, job);
    if (!input) return fail(input.error());
    ++m_computations;
    auto result = quantizeLayer(*input, recipe, job);
    if (!result) return fail(result.error());
    if (m_finished && !isElementwise(recipe))
        if (Status kept = m_finished->put(layer, fileText(*key), *result); !kept) return fail(kept.error());
    return remember(std::move(*key), std::move(*result), false);
}

Result<QuantizedLayerPtr> LayerQuantizer::quantize(const VariantPlan& plan, const LinearInfo& layer,
                                                   const Job& job, bool withTrace) {
    const Recipe& recipe = plan.layers[m_model.linearIndex(layer)];
    if (recipe.scheme.isFloat()) {
        auto weight = floats(layer, job);
        if (!weight) return fail(weight.error());
        QuantizedLayer result;
        result.bitsPerWeight = 8.0 * static_cast<double>(layer.bytes) / static_cast<double>(weight->size());
        result.result.bytes = result.bytes = layer.bytes;
        result.result.values = std::move(*weight);
        return std::make_shared<const QuantizedLayer>(std::move(result));
    }
    auto known = find(plan, layer);
    if (!known || (*known && !(withTrace && (*known)->isReadBack))) return known;
    auto statistics = orderOf(recipe) == InputOrder::Float ? floatStatistics(layer, recipe, job)
                                                           : orderedStatistics(*this, plan, layer, job);
    if (!statistics) return fail(statistics.error());
    return compute(plan, layer, *statistics, job);
}

InputOrder LayerQuantizer::orderOf(const Recipe& recipe) const {
    const bool hasText = m_calibration && m_calibration->text() != nullptr;
    return inputsAreDefaulted(recipe) && !hasText ? InputOrder::Float : inputOrder(recipe);
}

std::optional<std::string> LayerQuantizer::orderNote(const VariantPlan& plan) const {
    if (!m_calibration) return std::nullopt;
    std::set<std::string> methods;
    for (const Recipe& recipe : plan.layers)
        if (orderOf(recipe) != inputOrder(recipe)) methods.insert(recipe.method);
    if (methods.empty()) return std::nullopt;
    return fmt::format(
        "{}: calibrated on the float model's inputs (inputs=float), because the statistics given have no "
        "text "
        "that could be run through quantized layers",
        fmt::join(methods, ", "));
}

Result<StatisticsPtr> LayerQuantizer::floatStatistics(const LinearInfo& layer, const Recipe& recipe,
                                                      const Job& job) {
    if (!m_calibration || calibrationNeed(recipe) == CalibrationNeed::None) return StatisticsPtr();
    return m_calibration->statistics(layer, job);
}

Result<LayerInput> LayerQuantizer::inputOf(const LinearInfo& layer, const Recipe& recipe,
                                           StatisticsPtr statistics, const Job& job) {
    auto weight = floats(layer, job);
    if (!weight) return fail(weight.error());
    LayerInput input{layer.name, std::move(*weight), std::move(statistics),
                     {},         productOf(m_gemm),  layer.role};
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    if (!(*method)->info().sharesTransform || layer.block < 0) return input;
    for (const LinearInfo& other : m_model.blockLinears(layer.block)) {
        if (other.inputPoint != layer.inputPoint) continue;
        auto sibling = m_model.linearWeight(other.name, job.quiet());
        if (!sibling) return fail(sibling.error());
        input.siblings.push_back(std::move(*sibling));
    }
    return input;
}

Result<Tensor> LayerQuantizer::floats(const LinearInfo& layer, const Job& job) {
    if (m_lastLayer != layer.name) {
        auto weight = m_model.linearWeight(layer.name, job.quiet());
        if (!weight) return fail(weight.error());
        m_lastFloats = std::move(*weight);
        m_lastLayer = layer.name;
    }
    return m_lastFloats;
}

Result<std::shared_ptr<const StaticQuantizers>> LayerQuantizer::ranges(const Scheme& scheme, const Job& job) {
    for (const KnownRanges& known : m_ranges)
        if (known.text == m_rangesPrint && known.scheme == scheme) return known.quantizers;
    if (m_rangesTokens.empty())
        return fail(ErrorKind::InvalidArgument, "there is no text that static ranges could come from",
                    "activations", "Quantize them per token: @act=int8/token.");
    auto made = calibrateActivations(m_model, m_rangesTokens, scheme, m_kernels, job.quiet());
    if (!made) return fail(made.error());
    if (m_ranges.size() == kKnownRanges) m_ranges.erase(m_ranges.begin());
    m_ranges.push_back({m_rangesPrint, scheme, std::make_shared<const StaticQuantizers>(std::move(*made))});
    return m_ranges.back().quantizers;
}

Result<std::shared_ptr<OrderedCalibration>> LayerQuantizer::ordered(const VariantPlan& plan, int64_t block) {
    for (const auto& known : m_ordered)
        if (known->plan() == plan) return known;
    const CalibrationOptions* text = m_calibration ? m_calibration->text() : nullptr;
    if (text == nullptr) {
        return fail(ErrorKind::Unsupported,
                    m_calibration ? "a saved calibration holds the float model's inputs alone"
                                  : "inputs of quantized layers need a calibration text",
                    "inputs", "calibrate on the text itself, not on saved statistics");
    }
    auto made = std::make_shared<OrderedCalibration>(m_model, m_kernels, *text, plan);
    const OrderedCalibration* farthest = nullptr;
    for (const auto& other : m_ordered) {
        const bool fits = other->begun() && other->next() <= block &&
                          plan.sameUntil(other->plan(), m_model.linearsUntil(other->next() - 1));
        if (fits && (farthest == nullptr || farthest->next() < other->next())) farthest = other.get();
    }
    if (farthest != nullptr) made->follow(*farthest);
    m_ordered.push_back(made);
    return made;
}

Status LayerQuantizer::tellOrdered(const VariantPlan& plan, int64_t block, const BlockOperators& operators,
                                   const Job& job) {
    for (const auto& known : m_ordered)
        if (known->plan() == plan) return known->finished(block, operators, job);
    return {};
}

}  // namespace quantscope
