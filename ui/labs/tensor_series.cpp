// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/tensor_series.h"

#include <algorithm>
#include <cmath>

#include "analysis/tensor/channel_report.h"
#include "analysis/tensor/element_arithmetic.h"
#include "analysis/tensor/heatmap.h"
#include "plots/number_format.h"

namespace quantscope {

namespace {

// Weights have no published outlier threshold: a channel this many times above the median channel is
// coloured.
constexpr double kWeightOutlierFactor = 6;
constexpr double kActivationThreshold = 6;  // LLM.int8()

/// The full names run across the curve; the legend of choices spells them out.
QString shortMark(const std::string& label) {
    if (label == "Least squared error") return QObject::tr("MSE");
    if (label == "KL divergence (entropy)") return QObject::tr("KL");
    if (label == "Min-max") return QObject::tr("min-max");
    return QString::fromStdString(label);
}

std::vector<double> counts(const Histogram& histogram) {
    return {histogram.counts.begin(), histogram.counts.end()};
}

bool isPreview(const TensorResults& results) {
    return results.tier == Tier::Preview;
}

/// Magnitude below which 99 % (or half) of a channel lies, from the signed percentiles the engine reports.
double magnitude(float low, float high) {
    return std::max(std::abs(static_cast<double>(low)), std::abs(static_cast<double>(high)));
}

HeatmapSeries picture(const std::shared_ptr<const TensorResults>& results, const HeatMap& map) {
    HeatmapSeries series;
    series.owner = results->heatMaps;
    series.values = map.values;
    series.cellRows = map.rows;
    series.cellCols = map.cols;
    series.rowsPerCell = map.rowsPerCell;
    series.colsPerCell = map.colsPerCell;
    series.region = {map.region.rowBegin, map.region.rowEnd, map.region.colBegin, map.region.colEnd};
    series.totalRows = results->stage ? results->stage->report.rows : map.region.rowEnd;
    series.totalCols = results->stage ? results->stage->report.cols : map.region.colEnd;
    series.low = static_cast<double>(map.minimum);
    series.high = static_cast<double>(map.maximum);
    series.rowName = QStringLiteral("out");
    series.colName = QStringLiteral("in");
    series.preview = isPreview(*results);
    return series;
}

void makeSigned(HeatmapSeries& series, const HeatMap& scale) {
    series.map = ColorMap::Diverging;
    const double end = scale.typicalMagnitude > 0 ? static_cast<double>(scale.typicalMagnitude) : 1;
    series.low = -end;
    series.high = end;
}

}  // namespace

QString sampleText(const TensorResults& results) {
    if (!isPreview(results)) return {};
    return QStringLiteral("1/%1 sample").arg(std::lround(results.inverseShare));
}

QString sampleText(const TensorResults& results, size_t variant) {
    const double share = results.variants[variant].inverseShare;
    if (share > 1) return QObject::tr("1/%1 of the rows").arg(std::lround(share));
    return sampleText(results);
}

QString variantLabel(const TensorResults& results, size_t variant) {
    return variantLetter(static_cast<int>(variant)) + QStringLiteral("  ") +
           QString::fromStdString(results.variants[variant].title);
}

HistogramSeries histogramSeries(const TensorResults& results, size_t variant) {
    HistogramSeries series;
    series.variant = static_cast<int>(variant);
    series.sample = sampleText(results, variant);
    if (!results.floatHistogram) return series;
    const Histogram& reference = *results.floatHistogram;
    series.low = static_cast<double>(reference.low);
    series.high = static_cast<double>(reference.high);
    series.reference = counts(reference);
    series.outside = static_cast<double>(reference.underflow + reference.overflow);
    const TensorVariantResult& result = results.variants[variant];
    if (!result.report || result.variant.isFloat()) return series;
    const GridMarks& marks = result.report->marks;
    series.quantized = counts(result.report->dequantized);
    series.levels.assign(marks.levels.begin(), marks.levels.end());
    const MatrixQuantization& quantization = result.report->quantization;
    if (!quantization.hasRange()) return series;
    series.clip = AxisRange{static_cast<double>(marks.clipLow), static_cast<double>(marks.clipHigh)};
    series.clipMovable = marks.wholeTensor && !quantization.stored;
    return series;
}

std::vector<ErrorSplitRow> errorSplitRows(const TensorResults& results) {
    std::vector<ErrorSplitRow> rows;
    for (size_t i = 0; i < results.variants.size(); ++i) {
        const TensorVariantResult& result = results.variants[i];
        if (!result.report) continue;
        const Metrics& metrics = result.report->metrics;
        rows.push_back({static_cast<int>(i), variantLabel(results, i), metrics.roundingMse,
                        metrics.clippingMse, metrics.sqnrDb, result.variant.isFloat(),
                        isPreview(results) || result.inverseShare > 1,
                        result.variant.isFloat() || result.report->quantization.hasRange()});
    }
    return rows;
}

ClipCurveSeries clipCurveSeries(const TensorResults& results, size_t variant) {
    ClipCurveSeries series;
    series.variant = static_cast<int>(variant);
    if (variant >= results.variants.size() || !results.variants[variant].clipCurve) return series;
    const ClipCurve& curve = *results.variants[variant].clipCurve;
    series.preview = isPreview(results);
    for (const ClipPoint& point : curve.points)
        series.points.push_back({point.ratio, point.clippingMse, point.roundingMse});
    for (const ClipMark& mark : curve.marks)
        series.marks.push_back(
            {shortMark(mark.label), mark.point.ratio, mark.point.totalMse(), mark.current});
    return series;
}

ChannelSeries channelSeries(const TensorResults& results, ChannelChoice choice) {
    ChannelSeries series;
    const auto fill = [&series](std::span<const float> values) {
        const PooledBars bars = poolBars(values);
        series.absMax.assign(bars.values.begin(), bars.values.end());
        series.channel = bars.channel;
        series.channels = bars.channels;
        series.channelsPerBar = static_cast<double>(bars.channelsPerBar);
    };
    if (choice == ChannelChoice::Activations) {
        series.axisName = QObject::tr("input channel · largest |activation| over the text");
        if (!results.activations) return series;
        fill(results.activations->absMax);
        series.threshold = kActivationThreshold;
        std::vector<double> sorted = series.absMax;
        if (!sorted.empty()) {
            const auto middle = sorted.begin() + static_cast<ptrdiff_t>(sorted.size() / 2);
            std::nth_element(sorted.begin(), middle, sorted.end());
            series.medianAbsMax = *middle;
        }
        return series;
    }
    const bool input = choice == ChannelChoice::Input;
    const auto& report = input ? results.inputChannels : results.outputChannels;
    series.axisName = input ? QObject::tr("input channel · largest |weight|")
                            : QObject::tr("output channel · largest |weight|");
    if (!report) return series;
    fill(report->absMax);
    series.medianAbsMax = report->medianAbsMax;
    series.threshold = kWeightOutlierFactor * report->medianAbsMax;
    for (const int64_t channel : series.channel) {
        const auto at = static_cast<size_t>(channel);
        if (at < report->p99.size()) series.p99.push_back(magnitude(report->p1[at], report->p99[at]));
        if (at < report->p75.size()) series.median.push_back(magnitude(report->p25[at], report->p75[at]));
    }
    return series;
}

QString codesSentence(const TensorResults& results) {
    const auto variant = static_cast<size_t>(std::max(0, results.heatmapVariant));
    if (variant >= results.variants.size() || !results.variants[variant].report) return {};
    const MatrixQuantization& shown = results.variants[variant].report->quantization;
    if (shown.isFloat()) return QObject::tr("The float reference has no codes.");
    if (shown.hasCodes()) return {};
    return QObject::tr("No codes: %1.").arg(QString::fromStdString(shown.stored->whyNoCodes));
}

std::array<HeatmapSeries, 4> heatmapSeries(const std::shared_ptr<const TensorResults>& results) {
    std::array<HeatmapSeries, 4> series;
    if (!results->heatMaps) {
        const auto shown = static_cast<size_t>(std::max(0, results->heatmapVariant));
        if (shown < results->variants.size() && results->variants[shown].pending)
            for (HeatmapSeries& panel : series) panel.sentence = QObject::tr("Computing …");
        return series;
    }
    const HeatMapSet& maps = *results->heatMaps;
    const HeatMap* sources[] = {&maps.original, &maps.codes, &maps.dequantized, &maps.error};
    for (size_t i = 0; i < series.size(); ++i) series[i] = picture(results, *sources[i]);
    makeSigned(series[0], maps.original);
    series[1].map = ColorMap::Cividis;
    series[1].sentence = codesSentence(*results);
    makeSigned(series[2], maps.original);  // the same scale as the original: they are compared
    makeSigned(series[3], maps.error);
    return series;
}

QString elementSentence(const TensorResults& results, int64_t row, int64_t col) {
    const auto variant = static_cast<size_t>(std::max(0, results.heatmapVariant));
    if (isPreview(results) || !results.stage || variant >= results.variants.size()) return {};
    const TensorReport& report = results.stage->report;
    const auto& variantReport = results.variants[variant].report;
    if (!variantReport || results.variants[variant].inverseShare != 1 || row < 0 || col < 0 ||
        row >= report.rows || col >= report.cols)
        return {};
    const MatrixView matrix = results.matrix.matrix();
    if (matrix.rows != report.rows || matrix.cols != report.cols) return {};
    return QString::fromStdString(
        sentence(elementAt(matrix, variantReport->quantization, row, col), variantReport->quantization));
}

}  // namespace quantscope
