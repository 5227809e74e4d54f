// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "app/results/results.h"
#include "plots/channel_view.h"
#include "plots/clip_curve_view.h"
#include "plots/error_split_view.h"
#include "plots/heatmap_view.h"
#include "plots/histogram_view.h"

namespace quantscope {

/// "1/64 sample" for a preview, empty for the full result.
QString sampleText(const TensorResults& results);
/// Of one variant: a method may have seen some of the rows only.
QString sampleText(const TensorResults& results, size_t variant);
/// "C  int4 channel".
QString variantLabel(const TensorResults& results, size_t variant);

enum class ChannelChoice { Input, Output, Activations };

HistogramSeries histogramSeries(const TensorResults& results, size_t variant);
std::vector<ErrorSplitRow> errorSplitRows(const TensorResults& results);
ClipCurveSeries clipCurveSeries(const TensorResults& results, size_t variant);
ChannelSeries channelSeries(const TensorResults& results, ChannelChoice choice);
/// Why the heat map's variant has no picture of codes; empty where it has one.
QString codesSentence(const TensorResults& results);
std::array<HeatmapSeries, 4> heatmapSeries(const std::shared_ptr<const TensorResults>& results);
/// The element's way through the heat map's variant, in words; empty where it is not known.
QString elementSentence(const TensorResults& results, int64_t row, int64_t col);

}  // namespace quantscope
