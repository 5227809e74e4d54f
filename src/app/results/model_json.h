// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/results/results.h"
#include "app/results/section.h"

namespace quantscope {

/// The section "model": what every variant scored. `sort`: rows after the reference by "kl", "perplexity" or
/// "bits", those that failed last; empty: as the experiment has them.
ResultSection modelSection(const ModelResults& results, const std::string& sort = {});

/// The section "layers": what the variant in view does to every linear layer. `sorted`: the largest local
/// error first (of the table). Only when there is a layer table.
ResultSection layersSection(const ModelResults& results, bool sorted = false);

}  // namespace quantscope
