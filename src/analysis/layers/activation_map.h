// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "analysis/tensor/heatmap.h"
#include "base/job.h"
#include "base/result.h"

namespace quantscope {

/// Token x channel picture of activations: log10 |x|, cells pooled by largest magnitude. Values below 10^-4
/// are drawn as 10^-4, so that one exact zero does not stretch the scale. Error: Cancelled.
Result<HeatMap> activationMap(const MatrixView& activations, const Job& job);

}  // namespace quantscope
