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
#include "model/evaluation/variant_plan.h"
#include "model/forward/block_runner.h"
#include "model/weights/linear_weights.h"

namespace quantscope {

/// Activation quantizers with ranges from calibration, by block and input point.
using StaticQuantizers = std::vector<std::vector<std::optional<ActivationQuantizer>>>;

/// By activation scheme, for plans in which layers differ.
using CalibratedQuantizers = std::vector<std::pair<Scheme, std::shared_ptr<const StaticQuantizers>>>;
/// The different schemes of a plan's static inputs.
std::vector<Scheme> staticSchemes(const VariantPlan& plan);

/// Ranges from the float model's own inputs over `tokens` (one window).
Result<StaticQuantizers> calibrateActivations(const Model& model, std::span<const int32_t> tokens,
                                              const Scheme& scheme, const KernelTable& kernels,
                                              const Job& job);

/// The weights of a block's norms.
Result<std::vector<BlockNorm>> loadNorms(const Model& model, int64_t block);

/// One block with the weights the plan asks for. `calibrated`: every scheme of staticSchemes(plan).
Result<BlockOperators> makeBlock(const Model& model, int64_t block, const VariantPlan& plan,
                                 WeightStore& store, const CalibratedQuantizers& calibrated,
                                 const KernelTable& kernels, const Job& job);

/// The output projection as the plan asks for it.
Result<LinearOperator> makeHead(const Model& model, const VariantPlan& plan, WeightStore& store,
                                const KernelTable& kernels, const Job& job);

/// Rotary table for windows of `positions` tokens. Unsupported if the model looks back less far than that
/// (sliding-window attention).
Result<RotaryTable> makeRotary(const Model& model, int64_t positions);

}  // namespace quantscope
