// SPDX-License-Identifier: Apache-2.0
#include "app/results/tensor_json.h"

#include <fmt/format.h>

namespace quantscope {
namespace {

/// What the command line says of a variant: the window's metrics, without what needs a model's inputs, and
/// what the window draws instead.
std::vector<MetricInfo> shownMetrics() {
    return metricsNamed({"bits_per_weight", "sqnr_db", "mse", "clipping_mse", "rounding_mse", "rmse",
                         "max_abs", "cosine", "relative_frobenius", "clipped_share", "code_use",
                         "code_entropy_bits"});
}

OrderedJson jsonOf(const TensorResults& results) {
    OrderedJson variants = OrderedJson::array();
    const std::vector<MetricInfo> metrics = shownMetrics();
    for (size_t i = 0; i < results.variants.size(); ++i) {
        const TensorVariantResult& variant = results.variants[i];
        OrderedJson row = {{"name", variant.title}, {"scheme", variantText(variant.variant)}};
        if (variant.error) row["error"] = describe(*variant.error);
        if (variant.report) {
            for (const MetricInfo& metric : metrics)
                row[metric.id] = results.rows[i].values.at(metric.id).value;
            row["clipped_count"] = variant.report->errors.total.clippedCount;
        }
        variants.push_back(std::move(row));
    }
    const TensorReport& report = results.stage->report;
    return {{"tensor", results.title}, {"stored_as", results.storedAs}, {"rows", report.rows},
            {"cols", report.cols},     {"seconds", results.seconds},    {"variants", std::move(variants)}};
}

std::vector<std::vector<std::string>> tableOf(const TensorResults& results) {
    const std::vector<MetricInfo> metrics = shownMetrics();
    std::vector<std::vector<std::string>> table{{"variant"}};
    for (const MetricInfo& metric : metrics) table.front().push_back(metric.label);
    for (const VariantRow& variant : results.rows) {
        std::vector<std::string> cells = {variant.title};
        if (variant.error) cells.push_back(describe(*variant.error));
        for (const MetricInfo& metric : metrics)
            if (!variant.error) cells.push_back(metricText(metric, variant.values));
        table.push_back(std::move(cells));
    }
    return table;
}

}  // namespace

ResultSection tensorSection(const TensorResults& results) {
    ResultSection section{
        "tensor", jsonOf(results),
        fmt::format("{} ({}): {}", results.title, results.storedAs, summaryLine(results.stage->report)),
        tableOf(results)};
    for (const TensorVariantResult& variant : results.variants)
        if (variant.error && !section.error) section.error = variant.error;
    return section;
}

}  // namespace quantscope
