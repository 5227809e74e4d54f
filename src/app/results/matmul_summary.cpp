// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "app/results/matmul_results.h"

namespace quantscope {
namespace {

MetricValues valuesOf(const ProductVariantResult& variant) {
    if (!variant.product) return {};
    const QuantizedProduct& p = *variant.product;
    MetricValues values{{"product_bits",
                         {static_cast<double>(p.x.quantization.scheme.bits),
                          static_cast<double>(p.w.quantization.scheme.bits)}},
                        {"product_relative", {p.error.relative}},
                        {"product_max_abs", {p.error.maxAbs}}};
    if (variant.requantized) values["requantized_relative"] = {variant.requantized->relativeError};
    if (!p.isInteger) return values;
    const AccumulatorHistogram& sums = p.accumulators;
    const int64_t largest = std::max(std::abs(int64_t{sums.smallest}), int64_t{sums.largest});
    values["lifted_out"] = {static_cast<double>(p.liftedOut.size())};
    values["largest_sum"] = {static_cast<double>(largest)};
    values["beyond_int16"] = {static_cast<double>(sums.beyond(16)) / static_cast<double>(sums.count)};
    return values;
}

}  // namespace

void summarize(MatmulResults& results) {
    results.title = results.wTitle;
    results.rows.clear();
    for (const ProductVariantResult& variant : results.variants) {
        const double bits = variant.product ? variant.product->w.quantization.bitsPerWeight : 0;
        results.rows.push_back({variant.title, bits, variant.error, valuesOf(variant)});
    }
    if (results.error) return;
    results.summary =
        fmt::format("{} × {} · {:.1f} ms", results.xTitle, results.wTitle, 1000 * results.seconds);
}

}  // namespace quantscope
