// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "app/results/number_text.h"
#include "app/results/results.h"

namespace quantscope {
namespace {

/// "sqnrDb" is the metric sqnr_db.
std::string snakeCase(const std::string& key) {
    std::string out;
    for (const char c : key) {
        const bool isCapital = c >= 'A' && c <= 'Z';
        if (isCapital) out += '_';
        out += isCapital ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

MetricValues valuesOf(const TensorVariantResult& variant) {
    if (!variant.report) return {};
    MetricValues values{{"output_error", {variant.outputError}}};
    for (const TensorMetricInfo& info : tensorMetricInfos())
        values[snakeCase(info.key)] = {variant.report->metrics.*info.member};
    return values;
}

}  // namespace

void summarize(TensorResults& results) {
    const auto isOfRows = [](const TensorVariantResult& variant) { return variant.inverseShare > 1; };
    results.approximate = results.tier == Tier::Preview ||
                          std::any_of(results.variants.begin(), results.variants.end(), isOfRows);
    results.rows.clear();
    for (const TensorVariantResult& variant : results.variants) {
        const double bits = variant.report ? variant.report->metrics.bitsPerWeight : 0;
        results.rows.push_back({variant.title, bits, variant.error, valuesOf(variant)});
    }
    if (results.error) return;
    const std::string what = results.tier == Tier::Full
                                 ? "full result"
                                 : fmt::format("preview from 1/{:.0f} of the elements", results.inverseShare);
    results.summary = fmt::format("{} · {} elements · {:.{}f} ms", what,
                                  withThousands(static_cast<uint64_t>(results.matrix.size())),
                                  1000 * results.seconds, results.seconds < 0.01 ? 1 : 0);
}

}  // namespace quantscope
