// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/tensor_methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/float_gemm.h"
#include "methods/interface/quantize_layer.h"
#include "methods/registry.h"
#include "model/calibration/calibration.h"
#include "model/calibration/calibration_request.h"

namespace quantscope {
namespace {

using Statistics = std::shared_ptr<const CalibrationStatistics>;

/// Of inputs that were chosen: of every layer with as many input channels.
struct ChosenKey {
    MatrixSource inputs;
    bool hessian = false;
    Arithmetic arithmetic;
    bool operator==(const ChosenKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(inputs, hessian, arithmetic); }
};

uint64_t bytesOf(const CalibrationStatistics& statistics) {
    return 4 * (statistics.hessian.size() + static_cast<uint64_t>(statistics.sample.size())) +
           40 * static_cast<uint64_t>(statistics.channels);
}

Error missingCalibration(const MethodInfo& info, bool isLayer) {
    return Error{ErrorKind::InvalidArgument,
                 fmt::format("{} must know the inputs of this layer", info.label),
                 {},
                 isLayer ? "calibration" : "tensor inputs",
                 isLayer ? "Choose a calibration text for the model, or inputs for this tensor"
                         : "Choose inputs for this tensor: captured, from a file or synthetic"};
}

}  // namespace

MatrixSource inputsFor(const MatrixSource& inputs, int64_t channels) {
    const auto* synthetic = std::get_if<SyntheticSource>(&inputs);
    if (synthetic == nullptr || synthetic->spec.find("/cols=") != std::string::npos) return inputs;
    return SyntheticSource{fmt::format("{}/cols={}", synthetic->spec, channels)};
}

size_t InputsKey::hash() const {
    size_t hash = inputs ? hashOf(*inputs) : 0;
    if (calibration)
        hash = mixedHash(hash, hashOfAll(calibration->modelPath, calibration->calibrationPath,
                                         calibration->calibrationChunks, calibration->calibrationFile));
    return hash;
}

TensorMethods::Layer TensorMethods::layerOf(const MethodSubject& subject) {
    const auto* tensor = std::get_if<TensorSource>(&subject.source);
    if (tensor == nullptr || subject.model.modelPath.empty() || tensor->path != subject.model.modelPath)
        return {};
    const auto model = m_sources.model(subject.model.modelPath);
    if (!model) return {};  // what is wrong with it, the Model lab says
    for (const LinearInfo& linear : (*model)->linears())
        if (linear.tensorName == tensor->tensor) return {*model, &linear};
    return {};
}

InputsKey TensorMethods::inputsKey(const MethodSubject& subject, const Recipe& recipe) {
    InputsKey key;
    const auto method = methodNamed(recipe.method);
    if (!method) return key;
    const bool calibrated = (*method)->needs(recipe) != CalibrationNeed::None;
    if (calibrated && subject.inputs) key.inputs = inputsFor(*subject.inputs, subject.matrix.values.cols());
    const bool ofModel = (calibrated && !subject.inputs) || (*method)->info().sharesTransform;
    if (ofModel && layerOf(subject).info != nullptr) {
        key.calibration = subject.model;
        key.calibration->textPath.clear();
    }
    return key;
}

Result<Statistics> TensorMethods::chosenInputs(const MethodSubject& subject, bool hessian, const Job& job) {
    if (!subject.inputs) return Statistics{};
    const ChosenKey key{inputsFor(*subject.inputs, subject.matrix.values.cols()), hessian,
                        arithmeticOf(m_kernels.table())};
    if (auto found = m_cache.find<CalibrationStatistics>(key)) return found;
    auto inputs = m_sources.matrix(key.inputs, job);
    if (!inputs) return fail(inputs.error());
    CalibrationCollector::Request request;
    request.hessian = hessian;
    CalibrationCollector collector(inputs->values.cols(), request);
    collector.add(inputs->values.matrix());
    auto made = std::make_shared<const CalibrationStatistics>(collector.finish());
    const uint64_t bytes = bytesOf(*made);
    return m_cache.put<CalibrationStatistics>(key, std::move(made), bytes);
}

Result<LayerQuantizer*> TensorMethods::quantizerOf(const Layer& layer, const ModelSource& source,
                                                   CalibrationNeed need, const Job& job) {
    constexpr uint64_t kKept = uint64_t{512} << 20;
    ModelSource wanted = source;
    wanted.textPath.clear();
    const Arithmetic arithmetic = arithmeticOf(m_kernels.table());
    const bool sameModel = m_open.quantizer && m_open.model == layer.model && m_open.arithmetic == arithmetic;
    if (sameModel && m_open.source == wanted && m_open.need >= need) return m_open.quantizer.get();
    if (!sameModel) {
        auto made = std::make_unique<LayerQuantizer>(*layer.model, m_kernels.table(), kKept);
        m_open = {layer.model, {}, CalibrationNeed::None, arithmetic, std::move(made)};
    }
    CalibrationInput input;
    input.chunks = source.calibrationChunks;
    input.file = source.calibrationFile;
    if (!source.calibrationPath.empty()) {
        auto ids = m_sources.tokens({source.modelPath, source.calibrationPath});
        if (!ids) return fail(ids.error());
        input.text = std::move(*ids);
    }
    auto opened = openCalibration(*layer.model, m_kernels.table(), {input, {}, need}, job);
    if (!opened) return fail(opened.error());
    m_open.quantizer->setCalibration(std::move(*opened));
    m_open.source = std::move(wanted);
    m_open.need = need;
    return m_open.quantizer.get();
}

Result<std::shared_ptr<const LayerResult>> TensorMethods::quantizeLayerOfModel(const MethodSubject& subject,
                                                                               const Layer& layer,
                                                                               const Variant& variant,
                                                                               const Tensor& weight,
                                                                               const Job& job) {
    const Recipe& recipe = variant.weights;
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const CalibrationNeed need = (*method)->needs(recipe);
    auto opened = quantizerOf(layer, subject.model, need, job.part(0, 0.1));
    if (!opened) return fail(opened.error());
    LayerQuantizer& quantizer = **opened;
    if (need != CalibrationNeed::None && quantizer.calibration() == nullptr)
        return fail(missingCalibration((*method)->info(), true));
    if (weight.rows() == layer.info->outFeatures) {
        VariantPlan plan = planFor(variant, *layer.model);
        plan.layers[layer.model->linearIndex(*layer.info)] = recipe;
        auto made = quantizer.quantize(plan, *layer.info, job.part(0.1, 1));
        if (!made) return fail(made.error());
        return std::shared_ptr<const LayerResult>(*made, &(*made)->result);
    }
    // A look at some rows does not wait for the layers before.
    auto statistics = quantizer.floatStatistics(*layer.info, recipe, job.part(0.1, 0.5));
    if (!statistics) return fail(statistics.error());
    auto input = quantizer.inputOf(*layer.info, recipe, std::move(*statistics), job);
    if (!input) return fail(input.error());
    for (Tensor& sibling : input->siblings)
        if (std::ranges::equal(sibling.shape(), input->weight.shape()) &&
            std::ranges::equal(sibling.floats(), input->weight.floats()))
            sibling = weight;
    input->weight = weight;
    auto result = quantizeLayer(*input, recipe, job.part(0.5, 1));
    if (!result) return fail(result.error());
    return std::make_shared<const LayerResult>(std::move(*result));
}

Result<std::shared_ptr<const LayerResult>> TensorMethods::quantizeLoose(const MethodSubject& subject,
                                                                        const Layer& layer,
                                                                        const Recipe& recipe,
                                                                        const Tensor& weight,
                                                                        const Job& job) {
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    LayerInput input{subject.matrix.title, weight};
    if (layer.info != nullptr) {
        input.name = layer.info->name;
        input.role = layer.info->role;
    }
    const FloatGemm gemm(m_kernels.table());
    input.product = productOf(gemm);
    const CalibrationNeed need = (*method)->needs(recipe);
    if (need != CalibrationNeed::None) {
        auto seen = chosenInputs(subject, need == CalibrationNeed::Hessian, job.part(0, 0.5));
        if (!seen) return fail(seen.error());
        if (!*seen) return fail(missingCalibration((*method)->info(), layer.info != nullptr));
        input.calibration = std::move(*seen);
    }
    auto result = quantizeLayer(input, recipe, job.part(0.5, 1));
    if (!result) return fail(result.error());
    return std::make_shared<const LayerResult>(std::move(*result));
}

Result<std::shared_ptr<const LayerResult>> TensorMethods::quantize(const MethodSubject& subject,
                                                                   const Variant& variant,
                                                                   const Tensor& weight, const Job& job) {
    ++m_runs;
    const Layer layer = layerOf(subject);
    const bool ofModel = layer.info != nullptr && layer.info->block >= 0 && !subject.inputs;
    return ofModel ? quantizeLayerOfModel(subject, layer, variant, weight, job)
                   : quantizeLoose(subject, layer, variant.weights, weight, job);
}

}  // namespace quantscope
