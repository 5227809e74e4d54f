// SPDX-License-Identifier: Apache-2.0
#include "app/results/model_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "app/experiment/model_part.h"
#include "app/results/number_text.h"

namespace quantscope {
namespace {

OrderedJson jsonOf(const Percentiles& p) {
    return {{"min", p.minimum}, {"p01", p.p01},    {"p1", p.p1},      {"p5", p.p5},   {"p10", p.p10},
            {"p25", p.p25},     {"p50", p.median}, {"p75", p.p75},    {"p90", p.p90}, {"p95", p.p95},
            {"p99", p.p99},     {"p999", p.p999},  {"max", p.maximum}};
}

OrderedJson jsonOf(const VariantScore& s, const Variant& variant) {
    if (s.error)
        return {{"name", s.name},
                {"scheme", variantText(variant)},
                {"execution", executionOf(variant)},
                {"error", describe(*s.error)}};
    return {{"name", s.name},
            {"scheme", variantText(variant)},
            {"execution", executionOf(variant)},
            {"perplexity", s.perplexity},
            {"perplexity_se", s.perplexitySe},
            {"mean_nll", s.meanNll},
            {"delta_nll", s.deltaNll},
            {"delta_nll_se", s.deltaNllSe},
            {"kl_mean", s.klMean},
            {"kl_mean_se", s.klMeanSe},
            {"kl", jsonOf(s.kl)},
            {"top1_agreement", s.top1Agreement},
            {"top1_agreement_se", s.top1AgreementSe},
            {"delta_p_rms", s.deltaPRms},
            {"delta_p_mean", s.deltaPMean},
            {"delta_p", jsonOf(s.deltaP)},
            {"nll_correlation", s.nllCorrelation},
            {"bits_per_weight", s.bitsPerWeight},
            {"weight_bytes", s.weightBytes},
            {"tokens", s.tokens},
            {"seconds", s.seconds}};
}

/// The rows of a report: the reference, then the others, the best first, those that failed last.
std::vector<size_t> orderOf(const std::vector<VariantScore>& scores, const std::string& sort) {
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (sort.empty()) return order;
    const auto key = [&](size_t i) {
        const VariantScore& s = scores[i];
        if (s.error) return std::numeric_limits<double>::infinity();
        return sort == "kl" ? s.klMean : sort == "perplexity" ? s.perplexity : s.bitsPerWeight;
    };
    std::stable_sort(order.begin() + 1, order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    return order;
}

OrderedJson scoresJson(const ModelResults& results, const std::vector<size_t>& order) {
    OrderedJson variants = OrderedJson::array();
    for (const size_t i : order)
        variants.push_back(jsonOf(results.evaluation.variants[i], results.request.variants[i]));
    const EvaluationProtocol& protocol = results.request.part<ModelPart>().evaluation;
    return {{"model", results.request.model.modelPath}, {"title", results.title},
            {"text", results.request.model.textPath},   {"text_tokens", results.textTokens},
            {"protocol", ruleName(protocol.rule)},      {"window", protocol.window},
            {"chunks", results.evaluation.chunksDone},  {"variants", std::move(variants)}};
}

std::vector<std::string> rowOf(const VariantScore& s, const Variant& variant) {
    const std::string execution(executionOf(variant));
    if (s.error) return {s.name, execution, describe(*s.error)};
    return {s.name,
            execution,
            fmt::format("{:.3f}", s.bitsPerWeight),
            fmt::format("{:.4f} ± {:.4f}", s.perplexity, s.perplexitySe),
            fmt::format("{:+.5f} ± {:.5f}", s.deltaNll, s.deltaNllSe),
            fmt::format("{:.5f}", s.klMean),
            fmt::format("{:.2f} %", 100 * s.top1Agreement),
            fmt::format("{:.1f}", s.seconds)};
}

OrderedJson layersJson(const ModelResults& results, const std::vector<const LayerRow*>& rows) {
    OrderedJson layers = OrderedJson::array();
    for (const LayerRow* l : rows) {
        layers.push_back({{"name", l->name},
                          {"rows", l->rows},
                          {"cols", l->cols},
                          {"scheme", l->scheme},
                          {"bits_per_weight", l->weight.bitsPerWeight},
                          {"weight_error", l->weight.relativeFrobenius},
                          {"weight_sqnr_db", l->weight.sqnrDb},
                          {"weight_kurtosis", l->weightKurtosis},
                          {"weight_abs_max", l->weightAbsMax},
                          {"input_error", l->inputError},
                          {"local_error", l->localError},
                          {"accumulated_error", l->accumulatedError},
                          {"bytes", l->bytes}});
    }
    const Variant& variant = results.request.variants[static_cast<size_t>(results.layerVariant)];
    return {{"model", results.request.model.modelPath},
            {"text", results.request.model.textPath},
            {"variant", variantText(variant)},
            {"tokens", results.request.part<ModelPart>().layerTokens},
            {"layers", std::move(layers)}};
}

}  // namespace

ResultSection modelSection(const ModelResults& results, const std::string& sort) {
    const EvaluationProtocol& protocol = results.request.part<ModelPart>().evaluation;
    const std::vector<size_t> order = orderOf(results.evaluation.variants, sort);
    ResultSection section{
        "model",
        scoresJson(results, order),
        fmt::format("{} ({}), {} tokens of {}; {} windows of {} tokens, protocol {}", results.title,
                    results.architecture, withThousands(static_cast<uint64_t>(results.textTokens)),
                    results.request.model.textPath, results.evaluation.chunksDone, protocol.window,
                    ruleName(protocol.rule)),
        {{"variant", "execution", "bits/weight", "perplexity", "Δ nll", "KL", "same top token", "seconds"}}};
    for (const size_t i : order) {
        const VariantScore& score = results.evaluation.variants[i];
        section.table.push_back(rowOf(score, results.request.variants[i]));
    }
    section.notes = results.evaluation.notes;
    for (const VariantScore& score : results.evaluation.variants)
        if (score.error && !section.error) section.error = score.error;
    return section;
}

ResultSection layersSection(const ModelResults& results, bool sorted) {
    if (results.layersError)
        return {"layers", {{"error", describe(*results.layersError)}}, {}, {}, results.layersError};
    std::vector<const LayerRow*> rows;
    for (const LayerRow& row : *results.layers) rows.push_back(&row);
    if (sorted)
        std::stable_sort(rows.begin(), rows.end(),
                         [](const LayerRow* a, const LayerRow* b) { return a->localError > b->localError; });
    ResultSection section{"layers",
                          layersJson(results, rows),
                          {},
                          {{"layer", "scheme", "bits/weight", "weight error", "SQNR [dB]", "kurtosis",
                            "local error", "input error", "accumulated"}}};
    for (const LayerRow* l : rows)
        section.table.push_back(
            {l->name, l->scheme, fmt::format("{:.3f}", l->weight.bitsPerWeight),
             fmt::format("{:.5f}", l->weight.relativeFrobenius), fmt::format("{:.2f}", l->weight.sqnrDb),
             fmt::format("{:.1f}", l->weightKurtosis), fmt::format("{:.5f}", l->localError),
             fmt::format("{:.5f}", l->inputError), fmt::format("{:.5f}", l->accumulatedError)});
    return section;
}

}  // namespace quantscope
