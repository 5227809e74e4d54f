// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/results/results.h"
#include "app/results/section.h"

namespace quantscope {

/// The section "tensor": every metric of every variant. Only of results without an error of their own.
ResultSection tensorSection(const TensorResults& results);

}  // namespace quantscope
