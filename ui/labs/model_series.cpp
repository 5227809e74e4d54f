// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/model_series.h"

#include <algorithm>
#include <cmath>

#include "analysis/layers/layer_table.h"
#include "analysis/tensor/heatmap.h"
#include "plots/number_format.h"

namespace quantscope {

namespace {

QString windowsDone(const EvaluationResult& evaluation) {
    return QObject::tr("%1 of %2 windows").arg(evaluation.chunksDone).arg(evaluation.chunksTotal);
}

/// What hovering a point of the comparison shows, line by line.
QString scoreDetails(const VariantScore& score, bool isReference) {
    const double mebibytes = static_cast<double>(score.weightBytes) / (1024.0 * 1024.0);
    QStringList lines;
    lines << QObject::tr("%1 bits a weight, model %2 MiB")
                 .arg(formatNumber(score.bitsPerWeight), formatNumber(mebibytes));
    lines << QObject::tr("perplexity %1").arg(formatNumber(score.perplexity, 5));
    if (isReference) return lines.join(QLatin1Char('\n'));
    lines.back() +=
        QObject::tr(", %1 ± %2 nat").arg(formatSigned(score.deltaNll), formatNumber(score.deltaNllSe, 2));
    lines << QObject::tr("KL %1 ± %2, top-1 same %3")
                 .arg(formatNumber(score.klMean), formatNumber(score.klMeanSe, 2),
                      formatPercent(score.top1Agreement));
    return lines.join(QLatin1Char('\n'));
}

}  // namespace

QString variantLabel(const ModelResults& results, size_t variant) {
    QString title;
    if (variant < results.request.variants.size())
        title = QString::fromStdString(variantTitle(results.request.variants[variant]));
    return variantLetter(static_cast<int>(variant)) + QStringLiteral("  ") + title;
}

QString protocolText(const ModelResults& results) {
    const EvaluationProtocol& protocol = results.request.part<ModelPart>().evaluation;
    QStringList parts;
    parts << QObject::tr("window %1").arg(protocol.window);
    if (protocol.rule == WindowRule::LlamaCpp) parts << QObject::tr("second half scored");
    if (protocol.rule == WindowRule::GptqPaper) parts << QObject::tr("all scored");
    if (protocol.rule == WindowRule::Sliding) parts << QObject::tr("stride %1").arg(protocol.stride);
    const EvaluationResult& evaluation = results.evaluation;
    if (!evaluation.variants.empty())
        parts << QObject::tr("%1 tokens scored").arg(formatCount(evaluation.variants.front().tokens));
    if (evaluation.chunksTotal > 0) parts << windowsDone(evaluation);
    return parts.join(QStringLiteral(" · "));
}

PerplexitySeries perplexitySeries(const ModelResults& results) {
    PerplexitySeries series;
    const EvaluationResult& evaluation = results.evaluation;
    series.complete = evaluation.complete;
    series.progress = windowsDone(evaluation);
    for (size_t i = 0; i < evaluation.variants.size(); ++i) {
        const VariantScore& score = evaluation.variants[i];
        if (score.error) continue;
        series.bars.push_back({static_cast<int>(i), variantLabel(results, i), score.perplexity,
                               score.perplexitySe, score.deltaNll, score.deltaNllSe, i == 0});
    }
    return series;
}

std::vector<KlRow> klRows(const ModelResults& results) {
    std::vector<KlRow> rows;
    const EvaluationResult& evaluation = results.evaluation;
    for (size_t i = 1; i < evaluation.variants.size(); ++i) {
        const VariantScore& score = evaluation.variants[i];
        if (score.error) continue;
        rows.push_back({static_cast<int>(i), variantLabel(results, i), score.kl.median, score.kl.p90,
                        score.kl.p99, score.kl.p999, score.klMean, score.top1Agreement});
    }
    return rows;
}

ComparisonSeries comparisonSeries(const ModelResults& results, ComparedBy measure) {
    const EvaluationResult& evaluation = results.evaluation;
    const VariantComparison comparison = compareVariants(evaluation.variants, measure);
    const bool perplexity = measure == ComparedBy::Perplexity;
    ComparisonSeries series;
    series.front = comparison.front;
    series.reference = comparison.reference;
    // A broken variant's perplexity must not flatten the others; divergences stay within a few decades.
    series.tallest = perplexity ? 6 : 0;
    series.lossName = perplexity ? QObject::tr("perplexity") : QObject::tr("mean KL, nat a token");
    series.lossKey = perplexity ? QStringLiteral("perplexity") : QStringLiteral("kl_mean");
    series.complete = evaluation.complete;
    series.progress = windowsDone(evaluation);
    for (const ComparedVariant& variant : comparison.variants)
        series.points.push_back({static_cast<int>(variant.variant), variantLabel(results, variant.variant),
                                 variant.bitsPerWeight, variant.loss, variant.standardError,
                                 variant.variant == 0,
                                 scoreDetails(evaluation.variants[variant.variant], variant.variant == 0)});
    return series;
}

LayerErrorSeries layerErrorSeries(const ModelResults& results, const LayerTableModel& table) {
    LayerErrorSeries series;
    series.variant = results.layerVariant;
    series.preview = !results.complete;
    series.sorted = table.isSorted();
    series.threshold = table.filter().threshold;
    if (!results.layers) return series;
    series.weightOnly = std::none_of(results.layers->begin(), results.layers->end(),
                                     [](const LayerRow& row) { return std::isfinite(row.localError); });
    for (int i = 0; i < table.rowCount(); ++i) {
        const LayerRow& row = *table.row(i);
        series.layers.push_back({QString::fromStdString(row.name),
                                 series.weightOnly ? row.weight.relativeFrobenius : row.localError,
                                 row.accumulatedError, row.outlierChannels});
    }
    return series;
}

HeatmapSeries activationSeries(const std::shared_ptr<const ModelResults>& results) {
    HeatmapSeries series;
    if (!results->activationMap) return series;
    const HeatMap& map = *results->activationMap;
    series.owner = results->activationMap;
    series.values = map.values;
    series.cellRows = map.rows;
    series.cellCols = map.cols;
    series.rowsPerCell = map.rowsPerCell;
    series.colsPerCell = map.colsPerCell;
    series.region = {map.region.rowBegin, map.region.rowEnd, map.region.colBegin, map.region.colEnd};
    series.totalRows = map.region.rowEnd;
    series.totalCols = map.region.colEnd;
    series.rowName = QObject::tr("token");
    series.colName = QObject::tr("channel");
    series.low = static_cast<double>(map.minimum);
    series.high = static_cast<double>(map.maximum);
    return series;
}

std::vector<TextToken> textTokens(const ModelResults& results, size_t variant) {
    std::vector<TextToken> tokens;
    if (variant >= results.evaluation.tokens.size()) return tokens;
    const auto& scores = results.evaluation.tokens[variant];
    const size_t count = std::min(scores.size(), results.tokenTexts.size());
    tokens.reserve(count);
    for (size_t i = 0; i < count; ++i)
        tokens.push_back({QString::fromStdString(results.tokenTexts[i]), true,
                          static_cast<double>(scores[i].nllReference), static_cast<double>(scores[i].nll),
                          static_cast<double>(scores[i].kl)});
    return tokens;
}

}  // namespace quantscope
