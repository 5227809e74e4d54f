// SPDX-License-Identifier: GPL-3.0-or-later
#include "plot_samples.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace quantscope::samples {

HistogramSeries histogram(int variant, int levels) {
    HistogramSeries series;
    series.low = -0.62;
    series.high = 0.6;
    series.variant = variant;
    constexpr int kBins = 256;
    std::mt19937 random(7);
    std::normal_distribution<double> normal(0, 0.13);
    series.reference.assign(kBins, 0);
    if (levels > 0) series.quantized.assign(kBins, 0);
    const double step = levels > 1 ? 1.0 / (levels - 1) : 1;
    for (int i = 0; i < levels; ++i) series.levels.push_back(-0.5 + step * i);
    const auto bin = [&](double v) {
        return static_cast<size_t>(
            std::clamp((v - series.low) / (series.high - series.low) * kBins, 0.0, kBins - 1.0));
    };
    for (int i = 0; i < 200000; ++i) {
        const double value = normal(random) * (i % 97 == 0 ? 1.6 : 1);
        series.reference[bin(value)] += 1;
        if (levels > 0)
            series.quantized[bin(-0.5 + step * std::round((std::clamp(value, -0.5, 0.5) + 0.5) / step))] += 1;
    }
    if (levels > 0) series.clip = AxisRange{-0.5, 0.5};
    series.clipMovable = levels > 0;
    return series;
}

std::vector<ErrorSplitRow> errorRows() {
    return {{0, "A float reference", 0, 0, std::numeric_limits<double>::infinity(), true, false},
            {1, "B int8 channel", 3.26e-6, 0, 40.95, false, false},
            {2, "C int4 channel", 8.1e-4, 2.0e-4, 16.06, false, false},
            {3, "D int4 g64 affine", 3.48e-4, 0, 20.67, false, false}};
}

ClipCurveSeries clipCurve() {
    ClipCurveSeries series;
    series.variant = 2;
    for (int i = 0; i < 96; ++i) {
        const double ratio = std::pow(10.0, -2.3 + 2.3 * i / 95);
        const double rounding = ratio * ratio * 3e-3;
        const double clipping = ratio < 0.5 ? 1.1e-2 * std::exp(-ratio / 0.025) : 0;
        series.points.push_back({ratio, clipping, rounding});
    }
    const auto total = [](double r) { return r * r * 3e-3 + (r < 0.5 ? 1.1e-2 * std::exp(-r / 0.025) : 0); };
    series.marks = {{"MSE", 0.124, total(0.124), true},           {"KL", 0.15, total(0.15), false},
                    {"99.9 %", 0.16, total(0.16), false},         {"99.99 %", 0.2, total(0.2), false},
                    {"moving average", 0.97, total(0.97), false}, {"min-max", 1, total(1), false}};
    return series;
}

ChannelSeries channels() {
    ChannelSeries series;
    series.channels = 1536;
    series.threshold = 6;
    series.axisName = "input channel";
    std::mt19937 random(3);
    std::lognormal_distribution<double> spread(0.9, 0.6);
    for (int64_t i = 0; i < series.channels; ++i) {
        const double value = i == 678 ? 2377 : i == 1095 ? 170 : i == 623 ? 90 : spread(random);
        series.absMax.push_back(value);
        series.channel.push_back(i);
        series.p99.push_back(value * 0.4);
        series.median.push_back(value * 0.1);
    }
    series.medianAbsMax = 2.4;
    return series;
}

HeatmapSeries heatmap(int64_t rows, int64_t cols, ColorMap map) {
    auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(rows * cols));
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0, 0.1f);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c)
            (*values)[static_cast<size_t>(r * cols + c)] = normal(random) * (c % 61 == 7 ? 3.f : 1.f);
    HeatmapSeries series;
    series.values = *values;
    series.owner = values;
    series.cellRows = series.totalRows = rows;
    series.cellCols = series.totalCols = cols;
    series.region = {0, rows, 0, cols};
    series.map = map;
    series.low = -0.3;
    series.high = 0.3;
    return series;
}

std::array<HeatmapSeries, 4> fourPanels() {
    return {heatmap(576, 1024, ColorMap::Diverging), heatmap(576, 1024, ColorMap::Cividis),
            heatmap(576, 1024, ColorMap::Diverging), heatmap(576, 1024, ColorMap::Diverging)};
}

PerplexitySeries perplexity() {
    return {{{0, "A float", 37.12, 1.4, 0, 0, true},
             {1, "B int8 channel", 37.25, 1.41, 0.0034, 0.0008, false},
             {2, "C int4 channel", 72.45, 3.1, 0.669, 0.026, false},
             {3, "D int4 g64 affine", 44.87, 1.8, 0.19, 0.014, false}},
            true,
            {}};
}

std::vector<KlRow> klRows() {
    return {{1, "B int8 channel", 6e-4, 4e-3, 2e-2, 0.1, 0.002, 0.989},
            {2, "C int4 channel", 0.21, 1.4, 4.1, 8.2, 0.61, 0.712},
            {3, "D int4 g64 affine", 0.06, 0.41, 1.7, 4.0, 0.19, 0.84}};
}

ComparisonSeries comparison() {
    ComparisonSeries series;
    series.lossName = "perplexity";
    series.lossKey = "perplexity";
    series.reference = 37.12;
    series.tallest = 6;
    const char* names[] = {"A  float",           "B  int8 channel",  "C  int4 channel",
                           "D  int4 affine g64", "E  GPTQ int4 g64", "F  int2 channel"};
    const double bits[] = {16, 8.1, 4.03, 4.31, 4.31, 2.03};
    const double losses[] = {37.12, 37.25, 72.45, 44.87, 41.2, 51234};
    for (int i = 0; i < 6; ++i)
        series.points.push_back(
            {i, QString::fromLatin1(names[i]), bits[i], losses[i], i == 0 ? 0 : 0.02 * losses[i], i == 0,
             QStringLiteral("%1 bits a weight\nperplexity %2").arg(bits[i]).arg(losses[i])});
    series.front = {5, 2, 4, 1, 0};
    return series;
}

BeforeAfterSeries smoothedInputs() {
    BeforeAfterSeries series;
    series.what = "inputs";
    series.beforeLabel = "max |x_j|";
    series.afterLabel = "max |x_j / s_j|";
    for (int j = 0; j < 576; ++j) {
        const double before = j == 77 ? 300 : 2 + std::sin(j * 1.3);
        series.before.push_back(before);
        series.after.push_back(std::sqrt(before) * 0.6);
    }
    series.spreadBefore = 150;
    series.spreadAfter = 12.2;
    series.variant = 4;
    return series;
}

LossCurveSeries lossOverAlpha() {
    LossCurveSeries series;
    series.parameter = "alpha";
    series.lossLabel = "||Q(W s) x / s - W x||^2";
    series.referenceName = "alpha 0";
    for (int i = 0; i < 20; ++i) {
        const double alpha = i / 20.0;
        series.x.push_back(alpha);
        series.loss.push_back(4.1 - 3 * alpha + 4 * alpha * alpha + (i > 16 ? 4.0 * (i - 16) : 0));
    }
    series.chosen = 8;
    series.reference = 4.1;
    series.gain = 0.137;
    series.variant = 2;
    return series;
}

LayerErrorSeries layers() {
    LayerErrorSeries series;
    series.variant = 3;
    const char* names[] = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
    for (int block = 0; block < 30; ++block)
        for (int i = 0; i < 7; ++i) {
            const double at = block + i / 7.0;
            series.layers.push_back({QStringLiteral("blk.%1.%2").arg(block).arg(QLatin1String(names[i])),
                                     0.07 + 0.012 * std::sin(at * 9) + (block == 0 ? 0.03 : 0),
                                     0.06 + 0.0055 * at + (block > 27 ? 0.05 : 0),
                                     i == 6 && block > 26 ? 3 : 0});
        }
    return series;
}

std::vector<TextToken> tokens() {
    const char* words[] = {"First",    " Citizen", ":\n",   "Before", " we",    " proceed", " any",
                           " further", ",",        " hear", " me",    " speak", ".\n",      "\n",
                           "All",      ":\n",      "Speak", ",",      " speak", "."};
    std::vector<TextToken> tokens;
    for (int i = 0; i < 400; ++i) {
        TextToken token;
        token.text = QString::fromLatin1(words[i % 20]);
        token.scored = i >= 20;
        token.nllReference = 2.0;
        token.nll = 2.0 + 2.2 * std::sin(i * 1.7) * std::sin(i * 0.31);
        token.kl = std::abs(token.nll - 2.0) * 0.4;
        tokens.push_back(token);
    }
    return tokens;
}

}  // namespace quantscope::samples
