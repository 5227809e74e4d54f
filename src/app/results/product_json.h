// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/results/matmul_results.h"
#include "app/results/section.h"

namespace quantscope {

/// The section "product": what every variant's product loses, and what it costs where that was measured. Only
/// of results without an error of their own.
ResultSection productSection(const MatmulResults& results);

}  // namespace quantscope
