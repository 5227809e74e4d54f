// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "analysis/layers/method_comparison.h"
#include "app/experiment/model_part.h"
#include "app/results/results.h"
#include "labs/layer_table_model.h"
#include "plots/comparison_view.h"
#include "plots/heatmap_view.h"
#include "plots/kl_view.h"
#include "plots/layer_error_view.h"
#include "plots/perplexity_view.h"
#include "plots/token_text_view.h"

namespace quantscope {

/// "C  int4 channel".
QString variantLabel(const ModelResults& results, size_t variant);
/// "window 512, second half scored · 4,335 of 9,142 tokens · window 14 of 17".
QString protocolText(const ModelResults& results);

PerplexitySeries perplexitySeries(const ModelResults& results);
std::vector<KlRow> klRows(const ModelResults& results);
/// Every scored variant: what it loses over its bits per weight.
ComparisonSeries comparisonSeries(const ModelResults& results, ComparedBy measure);
/// The layers the table shows, in its order, with its marks.
LayerErrorSeries layerErrorSeries(const ModelResults& results, const LayerTableModel& table);
HeatmapSeries activationSeries(const std::shared_ptr<const ModelResults>& results);
std::vector<TextToken> textTokens(const ModelResults& results, size_t variant);

}  // namespace quantscope
