// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "model/evaluation/evaluation.h"
#include "model/evaluation/variant_plan.h"
#include "model/model.h"

namespace quantscope {

/// What the variant's weights take: the blocks' linear layers as bits per weight, the whole model in bytes.
void fillSizes(VariantScore& score, const Model& model, const VariantPlan& plan);

/// Bytes of every different (layer, recipe) of the plans as packed floats.
uint64_t packedBytes(const Model& model, std::span<const VariantPlan* const> plans);

}  // namespace quantscope
