// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "model/block_runner.h"
#include "model/linear_weights.h"
#include "model/variant_plan.h"

namespace quantscope {

/// Activation quantizers with ranges from calibration, by block and input point.
using StaticQuantizers = std::vector<std::array<std::optional<ActivationQuantizer>, kInputPoints>>;

/// Ranges from the float model's own inputs over `tokens` (one window).
Result<StaticQuantizers> calibrateActivations(const Model& model, std::span<const int32_t> tokens,
                                              const Scheme& scheme, const KernelTable& kernels,
                                              const Job& job);

/// One block with the weights the plan asks for. `calibrated` is needed if the plan's activations are static.
Result<BlockOperators> makeBlock(const Model& model, int64_t block, const VariantPlan& plan,
                                 WeightStore& store, const StaticQuantizers* calibrated,
                                 const KernelTable& kernels, const Job& job);

/// Rotary table for windows of `positions` tokens. Unsupported if the model looks back less far than that
/// (sliding-window attention).
Result<RotaryTable> makeRotary(const Model& model, int64_t positions);

}  // namespace quantscope
