// SPDX-License-Identifier: Apache-2.0
#include "export/export_quantizer.h"

#include <algorithm>
#include <utility>

#include "methods/interface/recipe_needs.h"
#include "model/calibration/calibration.h"

namespace quantscope {
namespace {

constexpr uint64_t kBytesKept = uint64_t{1} << 30;

}  // namespace

std::unique_ptr<LayerQuantizer> exportQuantizer(const ModelExportRequest& request, const KernelTable& kernels,
                                                const VariantPlan& plan) {
    auto quantizer = std::make_unique<LayerQuantizer>(*request.model, kernels, kBytesKept);
    CalibrationOptions options;
    options.tokens = request.calibration;
    const auto window = std::min(std::ssize(options.tokens), static_cast<std::ptrdiff_t>(options.window));
    if (window > 0) quantizer->setRangesText({options.tokens.begin(), options.tokens.begin() + window});
    CalibrationNeed need = CalibrationNeed::None;
    for (const Recipe& recipe : plan.layers) need = std::max(need, calibrationNeed(recipe));
    options.hessian = need == CalibrationNeed::Hessian;
    if (request.statistics)
        quantizer->setCalibration(request.statistics);
    else if (need != CalibrationNeed::None && !options.tokens.empty())
        quantizer->setCalibration(std::make_shared<Calibration>(*request.model, kernels, std::move(options)));
    return quantizer;
}

}  // namespace quantscope
