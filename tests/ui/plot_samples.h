// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <vector>

#include "plots/before_after_view.h"
#include "plots/channel_view.h"
#include "plots/clip_curve_view.h"
#include "plots/comparison_view.h"
#include "plots/error_split_view.h"
#include "plots/heatmap_view.h"
#include "plots/histogram_view.h"
#include "plots/kl_view.h"
#include "plots/layer_error_view.h"
#include "plots/loss_curve_view.h"
#include "plots/perplexity_view.h"
#include "plots/token_text_view.h"

namespace quantscope::samples {

/// Series of realistic shape, the same on every call, for tests and the plot gallery.
HistogramSeries histogram(int variant, int levels);
std::vector<ErrorSplitRow> errorRows();
ClipCurveSeries clipCurve();
ChannelSeries channels();
HeatmapSeries heatmap(int64_t rows, int64_t cols, ColorMap map);
std::array<HeatmapSeries, 4> fourPanels();
PerplexitySeries perplexity();
std::vector<KlRow> klRows();
ComparisonSeries comparison();
BeforeAfterSeries smoothedInputs();
LossCurveSeries lossOverAlpha();
LayerErrorSeries layers();
std::vector<TextToken> tokens();

}  // namespace quantscope::samples
