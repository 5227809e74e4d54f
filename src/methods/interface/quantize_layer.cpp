// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/quantize_layer.h"

#include <fmt/format.h>

#include <string>

#include "methods/interface/options.h"
#include "methods/registry.h"
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

/// The rules of the method, or of its parameters where those are valid.
Status checkSchemeOf(const Method& method, const Recipe& recipe) {
    if (!checkParameters(method.info(), recipe) || !method.usesScheme(recipe)) return {};
    return checkScheme(method.schemeRules(recipe), recipe.scheme);
}

Status checkCalibration(const MethodInfo& info, CalibrationNeed need, const LayerInput& input) {
    if (need == CalibrationNeed::None) return {};
    const CalibrationStatistics* seen = input.calibration.get();
    if (seen == nullptr) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} needs the layer's inputs over a calibration text", info.label),
                    "calibration", "choose a calibration text");
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
                    "calibration", "choose a calibration text");
    }
    if (need == CalibrationNeed::Hessian && seen->hessian.empty())
        return fail(ErrorKind::InvalidArgument, "calibration did not gather X^T X", "calibration",
                    "calibrate again for this method");
    return {};
}

}  // namespace

Result<LayerResult> quantizeLayer(const LayerInput& input, const Recipe& recipe, const Job& job) {
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const MethodInfo& info = (*method)->info();
    for (const Status& checked :
         {checkParameters(info, recipe), validate(recipe.scheme), checkSchemeOf(**method, recipe),
          checkWeight(input.weight), checkCalibration(info, (*method)->needs(recipe), input)})
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
