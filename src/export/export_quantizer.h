// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "export/model_export.h"
#include "kernels/kernel_table.h"
#include "model/evaluation/variant_plan.h"
#include "model/weights/layer_quantizer.h"

namespace quantscope {

/// The quantizer of an export's layers: calibrated on the request's statistics, else on its tokens, without
/// either methods that need them fail. Static activations have their ranges from the tokens' first window.
/// Remembers as a rule a block, so that blocks in running order cost one pass over the text where a recipe
/// wants its inputs to come through quantized layers.
std::unique_ptr<LayerQuantizer> exportQuantizer(const ModelExportRequest& request, const KernelTable& kernels,
                                                const VariantPlan& plan);

}  // namespace quantscope
