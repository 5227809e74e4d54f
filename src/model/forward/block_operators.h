// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/method.h"
#include "model/evaluation/variant_plan.h"
#include "model/forward/activation_quantizer.h"
#include "model/forward/block_runner.h"

namespace quantscope {

class LayerQuantizer;
class WeightStore;

/// Activation quantizers with ranges from calibration, by block and input point.
using StaticQuantizers = std::vector<std::vector<std::optional<ActivationQuantizer>>>;

/// The different schemes of a plan's static inputs.
std::vector<Scheme> staticSchemes(const VariantPlan& plan);

/// Ranges from the float model's own inputs over `tokens` (one window).
Result<StaticQuantizers> calibrateActivations(const Model& model, std::span<const int32_t> tokens,
                                              const Scheme& scheme, const KernelTable& kernels,
                                              const Job& job);

/// The weights of a block's norms.
Result<std::vector<BlockNorm>> loadNorms(const Model& model, int64_t block);

/// One block with the weights the plan asks for. Where a layer of it is not known yet and its inputs come
/// through quantized layers, the calibration text is taken to this block first: through the blocks before,
/// which are made on the way where it has not come so far. The block made is told to the text, so that blocks
/// in running order cost one pass.
Result<BlockOperators> makeBlock(WeightStore& weights, const VariantPlan& plan, int64_t block,
                                 const Job& job);
/// The same in float.
Result<BlockOperators> makeFloatBlock(const Model& model, const KernelTable& kernels, int64_t block,
                                      const Job& job);

/// The output projection as the plan asks for it.
Result<LinearOperator> makeHead(WeightStore& weights, const VariantPlan& plan, const Job& job);

/// Statistics of the inputs of a layer whose recipe wants them to come through quantized layers: the
/// calibration text is taken to its block, and there to its place.
Result<std::shared_ptr<const CalibrationStatistics>> orderedStatistics(LayerQuantizer& layers,
                                                                       const VariantPlan& plan,
                                                                       const LinearInfo& layer,
                                                                       const Job& job);

/// Rotary table for windows of `positions` tokens. Unsupported if the model looks back less far than that
/// (sliding-window attention).
Result<RotaryTable> makeRotary(const Model& model, int64_t positions);

}  // namespace quantscope
