// SPDX-License-Identifier: Apache-2.0
#include "model/weights/linear_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/matrix_passes.h"
#include "methods/interface/method.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/recipe_needs.h"
#include "methods/interface/variant_text.h"
#include "methods/registry.h"
#include "model/calibration/calibration.h"
#include "model/calibration/ordered_calibration.h"
#include "model/evaluation/variant_plan.h"
#include "model/forward/block_runner.h"
#include "model/weights/finished_layers.h"
#include "quant/quantized_tensor.h"

namespace quantscope {
namespace {

/// One more whenever a method's results change: layers that an older program kept are then made again.
constexpr int kMethodsRevision = 4;

Error forLayer(Error error, const LinearInfo& layer) {
    error.message = fmt::format("{}: {}", layer.name, error.message);
    return error;
}

/// Float, or one pass over the weight: nothing worth keeping.
bool isElementwise(const Recipe& recipe) {
    return recipe.scheme.isFloat() || (recipe.method == "rtn" && recipe.parameters.empty());
}

/// Round to nearest without making codes.
Result<QuantizedWeight> roundToNearest(const Tensor& weight, const Scheme& scheme, const KernelTable& kernels,
                                       const Job& job) {
    if (Status valid = validate(scheme); !valid) return fail(valid.error());
    std::vector<float> values(static_cast<size_t>(weight.size()));
    auto groups = chooseGroupParams(weight.matrix(), scheme, kernels.elementwise, job);
    if (!groups) return fail(groups.error());
    const Status done =
        fakeQuantizeMatrix(weight.matrix(), scheme, *groups, kernels.elementwise, values.data(), job);
    if (!done) return fail(done.error());
    const double bits = bitsPerWeight(scheme, weight.rows(), weight.cols());
    const auto bytes = static_cast<uint64_t>(std::ceil(bits * static_cast<double>(weight.size()) / 8));
    return QuantizedWeight{Tensor::fromFloats(weight.shape(), std::move(values)), bits, bytes, {}};
}

}  // namespace

Result<QuantizedWeight> applyRecipe(const LinearInfo& layer, const Tensor& weight, const Recipe& recipe,
                                    const KernelTable& kernels, const Job& job, const LayerContext& context) {
    if (recipe.scheme.format == "float") {
        const double bits = 8.0 * static_cast<double>(layer.bytes) / static_cast<double>(weight.size());
        return QuantizedWeight{weight, bits, layer.bytes, {}};
    }
    if (recipe.method == "rtn" && recipe.parameters.empty()) {
        auto quantized = roundToNearest(weight, recipe.scheme, kernels, job);
        if (!quantized) return fail(forLayer(quantized.error(), layer));
        return quantized;
    }
    auto result = quantizeLayer(
        {layer.name, weight, context.calibration, context.siblings, context.product, layer.role}, recipe,
        job);
    if (!result) return fail(result.error());
    return QuantizedWeight{result->floats(), result->bitsPerWeight(), result->bytes, result->transform};
}

Result<Tensor> WeightStore::floats(const LinearInfo& layer, const Job& job) {
    if (m_lastLayer != layer.name) {
        auto weight = m_model.linearWeight(layer.name, job.quiet());
        if (!weight) return fail(weight.error());
        m_lastFloats = std::move(*weight);
        m_lastLayer = layer.name;
    }
    return m_lastFloats;
}

WeightStore::~WeightStore() = default;

/// Whether the entry's inputs came through the same layers: those before this one in running order.
bool WeightStore::samePast(const Entry& entry, const LinearInfo& layer, const OrderedInputs* ordered) const {
    if (!entry.past || ordered == nullptr) return !entry.past && ordered == nullptr;
    const VariantPlan& a = *entry.past;
    const VariantPlan& b = *ordered->plan;
    const auto before = static_cast<std::ptrdiff_t>(m_model.linearIndex(layer));
    return a.embedding == b.embedding &&
           std::equal(a.layers.begin(), a.layers.begin() + before, b.layers.begin()) &&
           std::equal(a.inputs.begin(), a.inputs.begin() + before, b.inputs.begin());
}

Result<std::shared_ptr<OrderedCalibration>> WeightStore::ordered(const VariantPlan& plan, int64_t block) {
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

Status WeightStore::tellOrdered(const VariantPlan& plan, int64_t block, const BlockOperators& operators,
                                const Job& job) {
    for (const auto& known : m_ordered)
        if (known->plan() == plan) return known->finished(block, operators, job);
    return {};
}

void WeightStore::forgetOrdered() {
    m_ordered.clear();
    for (auto entry = m_entries.begin(); entry != m_entries.end();) {
        if (entry->past) m_bytes -= entry->weights.memory();
        entry = entry->past ? m_entries.erase(entry) : std::next(entry);
    }
}

Result<LinearWeights> WeightStore::get(const LinearInfo& layer, const Recipe& recipe, const Job& job,
                                       const std::optional<IntegerUse>& use, const OrderedInputs* ordered) {
    const auto known = std::ranges::find_if(m_entries, [&](const Entry& entry) {
        return entry.layer == layer.name && entry.use == use && entry.recipe == recipe &&
               samePast(entry, layer, ordered);
    });
    if (known != m_entries.end()) {
        m_entries.splice(m_entries.begin(), m_entries, known);
        return m_entries.front().weights;
    }
    auto weights = make(layer, recipe, ordered, use, job);
    if (!weights) return fail(weights.error());
    m_bytes += weights->memory();
    m_entries.push_front({layer.name, recipe, use, ordered ? ordered->plan : nullptr, *weights});
    trim();
    return weights;
}

Result<LinearWeights> WeightStore::make(const LinearInfo& layer, const Recipe& recipe,
                                        const OrderedInputs* ordered, const std::optional<IntegerUse>& use,
                                        const Job& job) {
    if (!use && isElementwise(recipe)) {
        auto weight = floats(layer, job);
        if (!weight) return fail(weight.error());
        auto quantized = applyRecipe(layer, *weight, recipe, m_kernels, job);
        if (!quantized) return fail(quantized.error());
        auto packed = FloatGemm::pack(quantized->values.matrix(), job);
        if (!packed) return fail(packed.error());
        return LinearWeights{std::move(*packed), nullptr, quantized->bitsPerWeight, quantized->bytes, {}};
    }
    auto result = byMethod(layer, recipe, ordered, job);
    if (!result) return fail(result.error());
    LinearWeights weights{{}, nullptr, result->bitsPerWeight(), result->bytes, std::move(result->transform)};
    if (!use) {
        auto packed = FloatGemm::pack(result->floats().matrix(), job);
        if (!packed) return fail(packed.error());
        weights.packed = std::move(*packed);
        return weights;
    }
    if (!result->weight)
        return fail(ErrorKind::Unsupported,
                    fmt::format("{}: {} with these options leaves no codes for an integer product",
                                layer.name, recipe.method),
                    "variant", "Execute it as fake quantization.");
    auto packed = IntegerWeights::pack(*result->weight, use->layout, use->keepCodes, job);
    if (!packed) return fail(forLayer(packed.error(), layer));
    weights.integer = std::make_shared<const IntegerWeights>(std::move(*packed));
    return weights;
}

Result<LayerResult> WeightStore::byMethod(const LinearInfo& layer, const Recipe& recipe,
                                          const OrderedInputs* ordered, const Job& job) {
    const std::string key = m_finished && !isElementwise(recipe) ? keyOf(layer, recipe, ordered) : "";
    if (!key.empty()) {
        if (auto known = m_finished->find(layer, key)) return std::move(*known);
    }
    auto weight = floats(layer, job);
    if (!weight) return fail(weight.error());
    auto context = contextFor(layer, recipe, ordered, job);
    if (!context) return fail(context.error());
    auto result = quantizeLayer(
        {layer.name, *weight, context->calibration, context->siblings, context->product, layer.role}, recipe,
        job);
    if (!result || key.empty()) return result;
    if (Status kept = m_finished->put(layer, key, *result); !kept) return fail(kept.error());
    return result;
}

/// The instruction set is a part: sums of floats differ between machines, and codes with them.
std::string WeightStore::keyOf(const LinearInfo& layer, const Recipe& recipe,
                               const OrderedInputs* ordered) const {
    Recipe codes = recipe;
    codes.execution = Execution::Fake;
    std::string key = fmt::format("{}\n{}\nmethods {}\nmodel {}\nkernels {}\n", layer.name, recipeText(codes),
                                  kMethodsRevision, m_modelFingerprint, m_kernels.name);
    if (calibrationNeed(recipe) != CalibrationNeed::None && m_calibration)
        key += fmt::format("calibration {}\n", m_calibration->fingerprint());
    if (ordered == nullptr) return key;
    const VariantPlan& plan = *ordered->plan;
    const size_t before = m_model.linearIndex(layer);
    key += "embedding " + recipeText(plan.embedding) + "\n";
    for (size_t i = 0; i < before; ++i) {
        key += recipeText(plan.layers[i]);
        if (const auto& input = plan.inputs[i]) {
            if (input->isStatic) key += " @ranges=" + m_rangesFingerprint;
            key += fmt::format(" @act={} @outliers={}", schemeText(input->scheme), input->outlierThreshold);
        }
        key += '\n';
    }
    return key;
}

Result<LayerContext> WeightStore::contextFor(const LinearInfo& layer, const Recipe& recipe,
                                             const OrderedInputs* ordered, const Job& job) {
    LayerContext context;
    if (recipe.scheme.isFloat()) return context;
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const MethodInfo& info = (*method)->info();
    context.product = productOf(m_gemm);
    if ((*method)->needs(recipe) != CalibrationNeed::None && m_calibration) {
        auto statistics = ordered ? ordered->statistics(job) : m_calibration->statistics(layer, job);
        if (!statistics) return fail(statistics.error());
        context.calibration = std::move(*statistics);
    }
    if (!info.sharesTransform || layer.block < 0) return context;
    for (const LinearInfo& other : m_model.blockLinears(layer.block)) {
        if (other.inputPoint != layer.inputPoint) continue;
        auto weight = m_model.linearWeight(other.name, job.quiet());
        if (!weight) return fail(weight.error());
        context.siblings.push_back(std::move(*weight));
    }
    return context;
}

void WeightStore::setCalibration(std::shared_ptr<CalibrationSource> calibration) {
    m_calibration = std::move(calibration);
    m_ordered.clear();
    for (auto entry = m_entries.begin(); entry != m_entries.end();) {
        if (calibrationNeed(entry->recipe) == CalibrationNeed::None) {
            ++entry;
            continue;
        }
        m_bytes -= entry->weights.memory();
        entry = m_entries.erase(entry);
    }
}

void WeightStore::setFinished(std::shared_ptr<FinishedLayers> finished, std::string modelFingerprint,
                              std::string rangesFingerprint) {
    m_finished = std::move(finished);
    m_modelFingerprint = std::move(modelFingerprint);
    m_rangesFingerprint = std::move(rangesFingerprint);
}

void WeightStore::setLimit(uint64_t maxBytes) {
    m_maxBytes = maxBytes;
    trim();
}

void WeightStore::trim() {
    while (m_bytes > m_maxBytes && m_entries.size() > 1) {
        m_bytes -= m_entries.back().weights.memory();
        m_entries.pop_back();
    }
}

}  // namespace quantscope
