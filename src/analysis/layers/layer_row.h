// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "analysis/layers/layer_table.h"
#include "methods/interface/variant.h"
#include "model/evaluation/layer_error.h"

namespace quantscope {

/// The table's row of a measured layer. Plain rounding to nearest has its error split into clipping and
/// rounding; of other methods the weight columns are what was measured. Activation columns stay unmeasured.
Result<LayerRow> measuredRow(const LayerError& error, const MatrixView& weight, const Recipe& recipe,
                             const KernelTable& kernels);

}  // namespace quantscope
