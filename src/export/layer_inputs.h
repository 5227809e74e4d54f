// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/float_gemm.h"
#include "kernels/kernel_table.h"
#include "methods/interface/method.h"
#include "model/calibration/calibration.h"
#include "model/calibration/ordered_calibration.h"
#include "model/evaluation/variant_plan.h"
#include "model/model.h"

namespace quantscope {

/// Gathers what a method receives for each linear layer of a model: the weight, its siblings where they share
/// a transform, and the statistics of its inputs.
class LayerInputs {
 public:
    /// `calibration`: tokens for the methods of `plan` that need statistics; `statistics`, if not null,
    /// instead of them. Without either such methods fail.
    LayerInputs(const Model& model, const KernelTable& kernels, const VariantPlan& plan,
                const std::vector<int32_t>& calibration, std::shared_ptr<CalibrationSource> statistics);

    /// Blocks in running order cost one pass over the calibration text. Where a recipe of the plan wants
    /// statistics that come after the layers before were quantized (inputOrder()), made() must have heard of
    /// all of them; Unsupported if the plan quantizes inputs, too.
    Result<LayerInput> get(const LinearInfo& layer, const Recipe& recipe, const Job& job);
    /// What a layer became; null: it stays in float. Every layer of every block, in running order.
    Status made(const LinearInfo& layer, const LayerResult* result, const Job& job);

 private:
    Result<std::shared_ptr<const CalibrationStatistics>> statistics(const LinearInfo& layer,
                                                                    const Recipe& recipe, const Job& job);

    const Model& m_model;
    std::shared_ptr<CalibrationSource> m_calibration;
    std::unique_ptr<OrderedCalibration> m_ordered;
    BlockOperators m_block;  ///< as far as it is made
    FloatGemm m_gemm;
};

}  // namespace quantscope
