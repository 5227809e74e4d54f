// SPDX-License-Identifier: Apache-2.0
#include "app/results/product_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace quantscope {
namespace {

int64_t largestSum(const AccumulatorHistogram& sums) {
    return std::max(std::abs(int64_t{sums.smallest}), std::abs(int64_t{sums.largest}));
}

double shareBeyond16(const AccumulatorHistogram& sums) {
    return sums.count > 0 ? static_cast<double>(sums.beyond(16)) / static_cast<double>(sums.count) : 0;
}

OrderedJson jsonOf(const ProductVariantResult& variant) {
    OrderedJson row = {{"name", variant.title}, {"scheme", variantText(variant.variant)}};
    if (variant.error) row["error"] = describe(*variant.error);
    if (!variant.product) return row;
    const QuantizedProduct& p = *variant.product;
    row["integer"] = p.isInteger;
    row["relative_error"] = p.error.relative;
    row["max_error"] = p.error.maxAbs;
    if (variant.requantized) row["as_int8_relative_error"] = variant.requantized->relativeError;
    if (variant.notRequantized) row["not_as_int8"] = describe(*variant.notRequantized);
    row["bits_per_weight"] = p.w.quantization.bitsPerWeight;
    if (!p.isInteger) return row;
    row["lifted_out"] = p.liftedOut.size();
    row["largest_sum"] = largestSum(p.accumulators);
    row["beyond_int16"] = shareBeyond16(p.accumulators);
    return row;
}

OrderedJson jsonOf(const ProductCosts& costs) {
    OrderedJson kernels = OrderedJson::array();
    for (const KernelTiming& kernel : costs.kernels) {
        OrderedJson row = {{"name", kernel.name}};
        if (!kernel.reason.empty()) {
            row["reason"] = kernel.reason;
        } else {
            row["seconds"] = kernel.seconds;
            row["gops"] = kernel.gops;
            row["chosen"] = kernel.isChosen;
        }
        kernels.push_back(std::move(row));
    }
    return {{"threads", costs.threads},
            {"peak_gops", costs.peakGops},
            {"bandwidth_gbs", costs.bandwidthGbs},
            {"kernels", std::move(kernels)},
            {"seconds_sums", costs.terms.sums},
            {"seconds_online", costs.terms.online},
            {"seconds_folded", costs.terms.folded}};
}

OrderedJson jsonOf(const MatmulResults& results) {
    OrderedJson variants = OrderedJson::array();
    for (const ProductVariantResult& variant : results.variants) variants.push_back(jsonOf(variant));
    OrderedJson json = {{"x", results.xTitle},
                        {"w", results.wTitle},
                        {"rows", results.x.rows()},
                        {"inputs", results.x.cols()},
                        {"channels", results.w.rows()},
                        {"all_rows", results.allRows},
                        {"all_channels", results.allChannels},
                        {"seconds", results.seconds},
                        {"variants", std::move(variants)}};
    if (results.costs) json["costs"] = jsonOf(*results.costs);
    if (results.costsError) json["costs"] = {{"error", describe(*results.costsError)}};
    return json;
}

std::vector<std::string> rowOf(const ProductVariantResult& variant) {
    if (variant.error) return {variant.title, describe(*variant.error)};
    if (!variant.product) return {variant.title};
    const QuantizedProduct& p = *variant.product;
    std::vector<std::string> row = {
        variant.title, fmt::format("{:.5g}", p.error.relative), fmt::format("{:.5g}", p.error.maxAbs),
        variant.requantized ? fmt::format("{:.5g}", variant.requantized->relativeError) : "–"};
    if (!p.isInteger) return row;
    row.push_back(std::to_string(p.liftedOut.size()));
    row.push_back(std::to_string(largestSum(p.accumulators)));
    row.push_back(fmt::format("{:.2f} %", 100 * shareBeyond16(p.accumulators)));
    return row;
}

}  // namespace

ResultSection productSection(const MatmulResults& results) {
    ResultSection section{
        "product",
        jsonOf(results),
        fmt::format("{} × {}: {} × {} × {}", results.xTitle, results.wTitle, results.x.rows(),
                    results.x.cols(), results.w.rows()),
        {{"variant", "relative error", "max error", "as int8", "lifted out", "largest sum", "beyond int16"}}};
    for (const ProductVariantResult& variant : results.variants) {
        section.table.push_back(rowOf(variant));
        if (variant.error && !section.error) section.error = variant.error;
    }
    return section;
}

}  // namespace quantscope
