// SPDX-License-Identifier: Apache-2.0
#include "app/results/section.h"

namespace quantscope {

ResultSection failedSection(const std::string& id, const Error& error) {
    return {id, {{"error", describe(error)}}, {}, {}, error};
}

ResultSection rowsSection(const std::string& id, const std::vector<MetricInfo>& metrics,
                          const LabResults& results) {
    ResultSection section{id, {{"title", results.title}}, results.title, {}};
    std::vector<std::string> header = {"variant"};
    for (const MetricInfo& metric : metrics) header.push_back(metric.label);
    section.table.push_back(std::move(header));
    OrderedJson variants = OrderedJson::array();
    for (const VariantRow& row : results.rows) {
        OrderedJson json = {{"name", row.title}};
        std::vector<std::string> cells = {row.title};
        if (row.error) {
            json["error"] = describe(*row.error);
            cells.push_back(describe(*row.error));
            if (!section.error) section.error = row.error;
        } else {
            for (const MetricInfo& metric : metrics) {
                const auto value = row.values.find(metric.id);
                if (value != row.values.end()) json[metric.id] = value->second.value;
                cells.push_back(metricText(metric, row.values));
            }
        }
        variants.push_back(std::move(json));
        section.table.push_back(std::move(cells));
    }
    section.json["variants"] = std::move(variants);
    return section;
}

}  // namespace quantscope
