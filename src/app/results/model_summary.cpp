// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "app/results/results.h"

namespace quantscope {
namespace {

/// What is known of a variant before its first window is scored is its size, and then its bits.
MetricValues valuesOf(const ModelResults& results, size_t index) {
    MetricValues values;
    if (index < results.sizes.size())
        values["model_bytes"] = {static_cast<double>(results.sizes[index].bytes)};
    if (index >= results.evaluation.variants.size()) return values;
    const VariantScore& s = results.evaluation.variants[index];
    values["linear_bits"] = {s.bitsPerWeight};
    if (s.tokens == 0 || s.error) return values;
    values["perplexity"] = {s.perplexity, s.perplexitySe};
    // The reference against itself: no estimate, exactly nothing.
    const bool isReference = index == 0;
    values["delta_nll"] = isReference ? MetricValue{0, 0} : MetricValue{s.deltaNll, s.deltaNllSe};
    values["kl_mean"] = {isReference ? 0 : s.klMean};
    values["top1_agreement"] = {isReference ? 1 : s.top1Agreement};
    values["seconds"] = {s.seconds};
    if (s.seconds > 0) values["tokens_per_second"] = {static_cast<double>(s.tokens) / s.seconds};
    return values;
}

}  // namespace

void summarize(ModelResults& results) {
    results.rows.clear();
    for (size_t i = 0; i < results.request.variants.size(); ++i) {
        const auto& scores = results.evaluation.variants;
        const double bits = i < scores.size() ? scores[i].bitsPerWeight : 0;
        const std::optional<Error> error = i < scores.size() ? scores[i].error : std::nullopt;
        results.rows.push_back(
            {variantTitle(results.request.variants[i]), bits, error, valuesOf(results, i)});
    }
    // What a run has to say comes first: a narrow window cuts the end.
    results.summary.clear();
    for (const std::string& note : results.evaluation.notes) results.summary += note + " · ";
    results.summary += results.architecture;
}

}  // namespace quantscope
