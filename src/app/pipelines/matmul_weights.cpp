// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/matmul_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "methods/interface/method.h"
#include "methods/interface/quantize_layer.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

std::shared_ptr<const CalibrationStatistics> seenBy(const Tensor& x, int64_t rows, CalibrationNeed need) {
    if (need == CalibrationNeed::None) return nullptr;
    CalibrationCollector::Request request;
    request.hessian = need == CalibrationNeed::Hessian;
    CalibrationCollector collector(x.cols(), request);
    MatrixView view = x.matrix();
    view.rows = std::min(view.rows, rows);
    collector.add(view);
    return std::make_shared<const CalibrationStatistics>(collector.finish());
}

/// The matrix in the basis of `transform`, by one of the functions of activation_transform.h.
template <class Change>
Tensor changed(const ActivationTransform& transform, const Tensor& matrix, const Change& change) {
    std::vector<float> values(static_cast<size_t>(matrix.size()));
    change(transform, matrix.matrix(), values.data());
    return Tensor::fromFloats(matrix.shape(), std::move(values));
}

}  // namespace

Result<ProductSides> productSides(const Tensor& x, const Tensor& w, const Recipe& recipe,
                                  int64_t calibrationRows, const Job& job) {
    if (recipe.method == "rtn" || recipe.scheme.isFloat()) return ProductSides{x, w, nullptr};
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const MethodInfo& info = (*method)->info();
    const auto noCodes = [&] {
        return fail(ErrorKind::Unsupported,
                    fmt::format("{} stores no integer codes that an integer product could take", info.label),
                    "method",
                    "Choose a method with integer codes here, such as GPTQ; the Tensor and the Model "
                    "lab take this one");
    };
    // Known before anything that takes time is run.
    if (!info.usesScheme || !info.noCodes.empty()) return noCodes();
    LayerInput input{"W", w};
    if (x.cols() == w.cols()) input.calibration = seenBy(x, calibrationRows, (*method)->needs(recipe));
    auto result = quantizeLayer(input, recipe, job);
    if (!result) return fail(result.error());
    if (!result->weight) return noCodes();
    ProductSides sides{x, w, std::make_shared<const QuantizedTensor>(std::move(*result->weight))};
    if (result->transform && result->transform->changesBasis()) {
        sides.x = changed(*result->transform, x, applyTransform);
        sides.w = changed(*result->transform, w, transformWeight);
    }
    return sides;
}

}  // namespace quantscope
