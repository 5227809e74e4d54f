// SPDX-License-Identifier: Apache-2.0
#include "app/results/considerations.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "methods/interface/recipe_needs.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::string kindText(MethodKind kind) {
    switch (kind) {
        case MethodKind::Rule:
            return "formula";
        case MethodKind::Heuristic:
            return "search";
        case MethodKind::Optimized:
            return "optimized";
        case MethodKind::Learned:
            return "learned";
        case MethodKind::Sparsifier:
            return "removes weights";
    }
    return {};
}

std::string needText(CalibrationNeed need) {
    switch (need) {
        case CalibrationNeed::None:
            return "no";
        case CalibrationNeed::MeanSquares:
            return "mean squares";
        case CalibrationNeed::Moments:
            return "magnitudes";
        case CalibrationNeed::Hessian:
            return "X^T X";
    }
    return {};
}

std::string bitsText(const MethodInfo& info) {
    if (info.minimumBits == info.maximumBits) return fmt::format("{:.3g}", info.minimumBits);
    return fmt::format("{:.3g} - {:.3g}", info.minimumBits, info.maximumBits);
}

ConsiderationCell activationCell(const MethodInfo& info) {
    if (!info.activations) return {"float", 0, "inputs stay in float unless the variant says otherwise"};
    const ActivationRecipe& recipe = *info.activations;
    const std::string text =
        fmt::format("int{} {}", recipe.scheme.bits, recipe.isStatic ? "static" : "dynamic");
    return {text, 1,
            recipe.isStatic ? "ranges measured beforehand" : "ranges of the data at hand, at run time"};
}

/// What the method needs when its options are left alone.
CalibrationNeed needOf(const MethodInfo& info) {
    Recipe recipe;
    recipe.method = info.name;
    recipe.scheme = info.scheme;
    return calibrationNeed(recipe);
}

ConsiderationCell needCell(const MethodInfo& info) {
    const CalibrationNeed need = needOf(info);
    if (need != CalibrationNeed::None || info.needs == CalibrationNeed::None)
        return {needText(need), static_cast<double>(need), {}};
    return {"optional", 0.5, "with an option of its own: " + needText(info.needs) + " of the inputs"};
}

/// NaN where the results do not say.
MetricValue valueOf(const VariantRow& row, std::string_view metric) {
    const auto found = row.values.find(metric);
    return found == row.values.end() ? MetricValue{} : found->second;
}

/// The evaluated variant of this method that lost least; null where there is none.
const VariantRow* bestOf(const std::string& method, const std::vector<Variant>& variants,
                         const std::vector<VariantRow>& rows) {
    const VariantRow* best = nullptr;
    for (size_t i = 0; i < std::min(variants.size(), rows.size()); ++i) {
        if (variants[i].isFloat() || variants[i].weights.method != method) continue;
        if (!rows[i].values.contains("delta_nll")) continue;  // not scored
        if (!best || valueOf(rows[i], "delta_nll").value < valueOf(*best, "delta_nll").value) best = &rows[i];
    }
    return best;
}

std::vector<ConsiderationCell> rowOf(const MethodInfo& info, const VariantRow* here) {
    std::vector<ConsiderationCell> row;
    row.push_back({info.label, kUnknown, info.help + "\n" + info.source});
    row.push_back({whenToUse(info), kUnknown, {}});
    row.push_back({kindText(info.kind), static_cast<double>(info.kind), {}});
    row.push_back(needCell(info));
    row.push_back(activationCell(info));
    row.push_back({info.runsOnIntegerKernels ? "yes" : "no", info.runsOnIntegerKernels ? 0.0 : 1.0,
                   info.runsOnIntegerKernels
                       ? "codes on a uniform grid: an integer product takes them as they are"
                       : "weights are decoded to float before they are multiplied"});
    row.push_back({bitsText(info), info.minimumBits, {}});
    for (const MetricInfo& metric : metricsNamed({"linear_bits", "delta_nll", "seconds"}))
        row.push_back(here ? ConsiderationCell{metricText(metric, here->values),
                                               valueOf(*here, metric.id).value, here->title}
                           : ConsiderationCell{{}, kUnknown, "not among the evaluated variants"});
    return row;
}

}  // namespace

std::string whenToUse(const MethodInfo& info) {
    std::string effort;
    switch (info.kind) {
        case MethodKind::Rule:
            effort = "no time";
            break;
        case MethodKind::Heuristic:
            effort = "time for a search";
            break;
        case MethodKind::Optimized:
            effort = "time to solve";
            break;
        case MethodKind::Learned:
            effort = "patience";
            break;
        case MethodKind::Sparsifier:
            effort = "weights to spare";
            break;
    }
    std::string has = needOf(info) != CalibrationNeed::None ? "a text and " + effort : "no text, " + effort;
    if (info.kind == MethodKind::Sparsifier) return has;
    const char* wants = info.activations            ? "fast: inputs and weights in integers"
                        : info.runsOnIntegerKernels ? "small, or fast in integers"
                                                    : "small";
    return fmt::format("{}; {}", has, wants);
}

Considerations considerMethods(const std::vector<Variant>& variants, const std::vector<VariantRow>& rows) {
    Considerations table;
    table.columns = {
        {"method", "Method", "as in the variants panel; the tooltip says what it computes"},
        {"when", "When you have; when you want", "from the method's properties"},
        {"kind", "Comes by it",
         "a formula, a search over few candidates, a solution for the layer's output, "
         "or learning"},
        {"calibration", "Text needed", "what must be known of the layers' inputs"},
        {"activations", "Activations", "how the layers' inputs are quantized"},
        {"integer", "Integer kernels", "whether an integer product can take the codes as they are"},
        {"bits", "Bits", "a weight, that it is meant for", true},
        {"bits_here", "bits here", "bits per weight of the evaluated variant, all overhead included", true},
        {"delta_here", "Δ nat here",
         "mean difference of the negative log-likelihood to the reference ± its "
         "paired standard error, of the evaluated variant",
         true},
        {"seconds_here", "seconds here", "spent in the evaluated variant: quantizing and scoring", true},
    };
    for (const Method* method : allMethods())
        table.rows.push_back(rowOf(method->info(), bestOf(method->info().name, variants, rows)));
    return table;
}

}  // namespace quantscope
