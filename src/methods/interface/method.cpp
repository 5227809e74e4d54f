// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/method.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "methods/adaround.h"
#include "methods/aqlm.h"
#include "methods/awq.h"
#include "methods/gguf_blocks.h"
#include "methods/gptq.h"
#include "methods/hqq.h"
#include "methods/interface/options.h"
#include "methods/kmeans.h"
#include "methods/llm_int8.h"
#include "methods/minifloat_formats.h"
#include "methods/parts/block_codebook.h"
#include "methods/product_quantization.h"
#include "methods/pruning.h"
#include "methods/quip_sharp.h"
#include "methods/rotation.h"
#include "methods/rtn.h"
#include "methods/salient.h"
#include "methods/smoothquant.h"
#include "methods/weighted_range.h"
#include "quant/estimators/run_extremes.h"

namespace quantscope {
namespace {

Error forLayer(Error error, const std::string& layer) {
    if (!layer.empty() && error.field.find(layer) == std::string::npos)
        error.field = layer + (error.field.empty() ? "" : " " + error.field);
    return error;
}

Status checkWeight(const Tensor& weight) {
    if (weight.dtype() != DType::F32 || weight.shape().size() != 2)
        return fail(ErrorKind::Unsupported, "a method takes a float matrix [out x in]", "weight");
    const MatrixView matrix = weight.matrix();
    const int64_t bad = firstNonFinite(matrix);
    if (bad < 0) return {};
    return fail(ErrorKind::InvalidArgument,
                fmt::format("element [{}, {}] is {}", bad / matrix.cols, bad % matrix.cols, matrix.data[bad]),
                "values", "only finite numbers can be quantized");
}

Status checkCalibration(const MethodInfo& info, CalibrationNeed need, const LayerInput& input) {
    if (need == CalibrationNeed::None) return {};
    const CalibrationStatistics* seen = input.calibration.get();
    if (seen == nullptr) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} needs the layer's inputs over a calibration text", info.label),
                    "calibration", "give a text: --calibration FILE");
    }
    if (seen->channels != input.weight.cols()) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("calibration saw {} input channels, the weight has {}", seen->channels,
                                input.weight.cols()),
                    "calibration", "calibrate with the same model");
    }
    if (seen->tokens == 0) {
        return fail(ErrorKind::InvalidArgument,
                    seen->rejectedRows > 0 ? "every calibration input holds NaN or infinity"
                                           : "calibration saw no tokens",
                    "calibration", "use a longer text, or check the model's weights");
    }
    if (need > CalibrationNeed::MeanSquares && seen->absMax.empty()) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} needs more than the mean squares of an importance matrix", info.label),
                    "calibration", "give a text: --calibration FILE");
    }
    if (need == CalibrationNeed::Hessian && seen->hessian.empty())
        return fail(ErrorKind::InvalidArgument, "calibration did not gather X^T X", "calibration",
                    "calibrate again for this method");
    return {};
}

}  // namespace

std::span<const Method* const> allMethods() {
    static const RoundToNearest roundToNearest;
    static const WeightedRange weightedRange;
    static const Gptq gptq;
    static const Awq awq;
    static const Hqq hqq;
    static const SmoothQuant smoothQuant;
    static const LlmInt8 llmInt8;
    static const BlockCodebook nf4(BlockCodebook::Levels::Nf4);
    static const BlockCodebook fp4(BlockCodebook::Levels::Fp4);
    static const Fp8 fp8;
    static const Microscaling mxfp8(Microscaling::Element::Fp8);
    static const Microscaling mxfp6(Microscaling::Element::Fp6);
    static const Microscaling mxfp4(Microscaling::Element::Fp4);
    static const Nvfp4 nvfp4;
    static const KMeans kMeans;
    static const KeepSalient keepSalient;
    static const HadamardRotation hadamardRotation;
    static const Pruning magnitude(Pruning::Rule::Magnitude);
    static const Pruning wanda(Pruning::Rule::Wanda);
    static const Pruning sparseGpt(Pruning::Rule::SparseGpt);
    static const GgufBlocks q6k(DType::Q6_K);
    static const GgufBlocks q5k(DType::Q5_K);
    static const GgufBlocks q4k(DType::Q4_K);
    static const GgufBlocks q3k(DType::Q3_K);
    static const GgufBlocks q2k(DType::Q2_K);
    static const GgufBlocks iq4nl(DType::IQ4_NL);
    static const AdaRound adaRound;
    static const ProductQuantization productQuantization;
    static const QuipSharp quipSharp;
    static const Aqlm aqlm;
    static const auto methods = std::to_array<const Method*>({&roundToNearest,
                                                              &weightedRange,
                                                              &gptq,
                                                              &awq,
                                                              &adaRound,
                                                              &hqq,
                                                              &smoothQuant,
                                                              &llmInt8,
                                                              &nf4,
                                                              &fp4,
                                                              &fp8,
                                                              &mxfp8,
                                                              &mxfp6,
                                                              &mxfp4,
                                                              &nvfp4,
                                                              &q6k,
                                                              &q5k,
                                                              &q4k,
                                                              &q3k,
                                                              &q2k,
                                                              &iq4nl,
                                                              &quipSharp,
                                                              &aqlm,
                                                              &kMeans,
                                                              &productQuantization,
                                                              &keepSalient,
                                                              &hadamardRotation,
                                                              &magnitude,
                                                              &wanda,
                                                              &sparseGpt});
    return methods;
}

Result<const Method*> methodNamed(std::string_view name) {
    std::string names;
    for (const Method* method : allMethods()) {
        if (method->info().name == name) return method;
        names += (names.empty() ? "" : ", ") + method->info().name;
    }
    return fail(ErrorKind::InvalidArgument, fmt::format("there is no method '{}'", name), "method",
                "accepted: " + names);
}

double Method::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    return bitsPerWeight(recipe.scheme, rows, cols) * static_cast<double>(rows) * static_cast<double>(cols) /
           8;
}

double recipeBitsPerWeight(const Recipe& recipe, int64_t rows, int64_t cols) {
    if (recipe.scheme.isFloat()) return 32;
    const auto method = methodNamed(recipe.method);
    if (!method || rows * cols == 0) return bitsPerWeight(recipe.scheme, rows, cols);
    return 8 * (*method)->storedBytes(recipe, rows, cols) / static_cast<double>(rows * cols);
}

CalibrationNeed calibrationNeed(const Recipe& recipe) {
    if (recipe.scheme.isFloat()) return CalibrationNeed::None;
    const auto method = methodNamed(recipe.method);
    return method ? (*method)->needs(recipe) : CalibrationNeed::None;
}

ParameterInfo inputsParameter() {
    return choiceParameter(
        "inputs", "Inputs", "whose outputs a layer is calibrated on: order matters (GPTQ's own code)",
        {{"float", "Float model", "X of the float model; every layer by itself"},
         {"quantized", "Quantized blocks", "X after the blocks before were quantized; a block at a time"},
         {"true-sequential", "Quantized layers",
          "X after all layers before were quantized: q, k, v; o; gate, up; down"}},
        "float");
}

InputOrder inputOrder(const Recipe& recipe) {
    if (calibrationNeed(recipe) == CalibrationNeed::None) return InputOrder::Float;
    const auto chosen = recipe.parameters.find("inputs");
    if (chosen == recipe.parameters.end() || chosen->second == "float") return InputOrder::Float;
    return chosen->second == "quantized" ? InputOrder::Quantized : InputOrder::TrueSequential;
}

Result<LayerResult> quantizeLayer(const LayerInput& input, const Recipe& recipe, const Job& job) {
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const MethodInfo& info = (*method)->info();
    for (const Status& checked :
         {checkParameters(info, recipe), validate(recipe.scheme), checkWeight(input.weight),
          checkCalibration(info, (*method)->needs(recipe), input)})
        if (!checked) return fail(forLayer(checked.error(), input.name));
    auto result = (*method)->quantize(input, recipe, job);
    if (!result) return fail(forLayer(result.error(), input.name));
    if (input.calibration && (*method)->needs(recipe) != CalibrationNeed::None &&
        input.calibration->rejectedRows > 0) {
        result->notes.push_back(fmt::format("{} calibration inputs with NaN or infinity were left out",
                                            input.calibration->rejectedRows));
    }
    return result;
}

}  // namespace quantscope
