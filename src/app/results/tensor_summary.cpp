// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/results/number_text.h"
#include "app/results/results.h"

namespace quantscope {
namespace {

MetricValues valuesOf(const TensorVariantResult& variant) {
    if (!variant.report) return {};
    const Metrics& m = variant.report->metrics;
    return {{"bits_per_weight", {m.bitsPerWeight}},
            {"sqnr_db", {m.sqnrDb}},
            {"mse", {m.mse}},
            {"max_abs", {m.maxAbs}},
            {"cosine", {m.cosine}},
            {"relative_frobenius", {m.relativeFrobenius}},
            {"output_error", {variant.outputError}},
            {"clipped_share", {m.clippedShare}}};
}

}  // namespace

void summarize(TensorResults& results) {
    results.approximate = results.tier == Tier::Preview;
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
