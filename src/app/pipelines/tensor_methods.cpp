// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/tensor_methods.h"

#include <fmt/format.h>

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

Result<std::shared_ptr<CalibrationSource>> TensorMethods::modelCalibration(const Layer& layer,
                                                                           const ModelSource& source,
                                                                           CalibrationNeed need,
                                                                           const Job& job) {
    ModelSource wanted = source;
    wanted.textPath.clear();
    if (m_open.statistics && m_open.source == wanted && m_open.need >= need) return m_open.statistics;
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
    m_open = {layer.model, std::move(wanted), need, *opened};
    return opened;
}

Result<Statistics> TensorMethods::calibration(const MethodSubject& subject, const Layer& layer,
                                              CalibrationNeed need, const Job& job) {
    if (subject.inputs) return chosenInputs(subject, need == CalibrationNeed::Hessian, job);
    if (layer.info == nullptr) return Statistics{};
    auto source = modelCalibration(layer, subject.model, need, job);
    if (!source) return fail(source.error());
    if (!*source) return Statistics{};
    return (*source)->statistics(*layer.info, job);
}

Result<std::vector<Tensor>> TensorMethods::siblings(const Layer& layer, const Tensor& weight,
                                                    const Job& job) {
    std::vector<Tensor> weights;
    if (layer.info == nullptr || layer.info->block < 0) return weights;
    for (const LinearInfo& other : layer.model->blockLinears(layer.info->block)) {
        if (other.inputPoint != layer.info->inputPoint) continue;
        // A sample of the rows stands for its layer among its siblings, too.
        auto values = other.name == layer.info->name ? Result<Tensor>(weight)
                                                     : layer.model->linearWeight(other.name, job.quiet());
        if (!values) return fail(values.error());
        weights.push_back(std::move(*values));
    }
    return weights;
}

Result<std::shared_ptr<const LayerResult>> TensorMethods::quantize(const MethodSubject& subject,
                                                                   const Recipe& recipe, const Tensor& weight,
                                                                   const Job& job) {
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const Layer layer = layerOf(subject);
    LayerInput input{subject.matrix.title, weight};
    if (layer.info != nullptr) {
        input.name = layer.info->name;
        input.role = layer.info->role;
    }
    const FloatGemm gemm(m_kernels.table());
    input.product = productOf(gemm);
    const CalibrationNeed need = (*method)->needs(recipe);
    if (need != CalibrationNeed::None) {
        auto statistics = calibration(subject, layer, need, job.part(0, 0.5));
        if (!statistics) return fail(statistics.error());
        if (!*statistics) return fail(missingCalibration((*method)->info(), layer.info != nullptr));
        input.calibration = std::move(*statistics);
    }
    if ((*method)->info().sharesTransform) {
        auto shared = siblings(layer, weight, job);
        if (!shared) return fail(shared.error());
        input.siblings = std::move(*shared);
    }
    ++m_runs;
    auto result = quantizeLayer(input, recipe, job.part(0.5, 1));
    if (!result) return fail(result.error());
    return std::make_shared<const LayerResult>(std::move(*result));
}

}  // namespace quantscope
