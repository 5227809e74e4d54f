// SPDX-License-Identifier: Apache-2.0
#include "app/results/tensor_json.h"

#include <fmt/format.h>

#include <cmath>

namespace quantscope {
namespace {

/// "sqnrDb" is written sqnr_db.
std::string snakeCase(const std::string& key) {
    std::string out;
    for (const char c : key) {
        if (c >= 'A' && c <= 'Z') {
            out += '_';
            out += static_cast<char>(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

OrderedJson jsonOf(const TensorResults& results) {
    OrderedJson variants = OrderedJson::array();
    for (const TensorVariantResult& variant : results.variants) {
        OrderedJson row = {{"name", variant.title}, {"scheme", variantText(variant.variant)}};
        if (variant.error) row["error"] = describe(*variant.error);
        if (variant.report) {
            for (const TensorMetricInfo& info : tensorMetricInfos())
                row[snakeCase(info.key)] = variant.report->metrics.*info.member;
            row["clipped_count"] = variant.report->errors.total.clippedCount;
        }
        variants.push_back(std::move(row));
    }
    const TensorReport& report = results.stage->report;
    return {{"tensor", results.title}, {"stored_as", results.storedAs}, {"rows", report.rows},
            {"cols", report.cols},     {"seconds", results.seconds},    {"variants", std::move(variants)}};
}

/// A stored weight without codes has no range and no entropy.
std::string cellOf(double value) {
    return std::isnan(value) ? "–" : fmt::format("{:.5g}", value);
}

std::vector<std::vector<std::string>> tableOf(const TensorResults& results) {
    std::vector<std::string> header = {"variant"};
    for (const TensorMetricInfo& info : tensorMetricInfos())
        header.push_back(info.unit.empty() ? info.label : info.label + " [" + info.unit + "]");
    std::vector<std::vector<std::string>> rows = {header};
    for (const TensorVariantResult& variant : results.variants) {
        std::vector<std::string> row = {variant.title};
        if (variant.error) row.push_back(describe(*variant.error));
        if (variant.report) {
            for (const TensorMetricInfo& info : tensorMetricInfos())
                row.push_back(cellOf(variant.report->metrics.*info.member));
        }
        rows.push_back(std::move(row));
    }
    return rows;
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
