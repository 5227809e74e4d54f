// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "app/results/considerations.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "methods/interface/recipe_editing.h"
#include "methods/interface/recipe_needs.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

const char* nameOf(ParameterKind kind) {
    switch (kind) {
        case ParameterKind::Choice:
            return "choice";
        case ParameterKind::Integer:
            return "integer";
        case ParameterKind::Real:
            return "real";
        case ParameterKind::Toggle:
            return "toggle";
    }
    return "";
}

const char* nameOf(CalibrationNeed need) {
    switch (need) {
        case CalibrationNeed::None:
            return "none";
        case CalibrationNeed::MeanSquares:
            return "mean-squares";
        case CalibrationNeed::Moments:
            return "moments";
        case CalibrationNeed::Hessian:
            return "hessian";
    }
    return "";
}

OrderedJson jsonOf(const ParameterInfo& info) {
    OrderedJson json = {{"key", info.key}, {"kind", nameOf(info.kind)}, {"default", info.defaultValue}};
    if (info.kind == ParameterKind::Integer || info.kind == ParameterKind::Real) {
        json["minimum"] = info.minimum;
        json["maximum"] = info.maximum;
    }
    if (info.kind == ParameterKind::Choice) {
        json["choices"] = OrderedJson::array();
        for (const ParameterChoice& choice : info.choices) json["choices"].push_back(choice.value);
    }
    json["help"] = info.help;
    return json;
}

/// What the method takes of a scheme: false where it has a storage of its own, else the values of every
/// parameter that it restricts.
OrderedJson takesOf(const MethodInfo& info) {
    if (!info.usesScheme) return false;
    OrderedJson takes = OrderedJson::object();
    for (const SchemeRule& rule : info.schemeRules) {
        std::vector<std::string> values = takes.value(rule.key, rule.accepted);
        std::erase_if(values, [&](const std::string& value) {
            return std::ranges::find(rule.accepted, value) == rule.accepted.end();
        });
        takes[rule.key] = values;
    }
    return takes;
}

/// The method as text forms write it.
OrderedJson jsonOf(const MethodInfo& info) {
    const Variant bare = defaultVariant(info);
    OrderedJson json = {{"name", info.name},
                        {"defaults", variantText(bare)},
                        {"needs", nameOf(calibrationNeed(bare.weights))},
                        {"needs_at_most", nameOf(info.needs)},
                        {"parameters", OrderedJson::array()},
                        {"takes", takesOf(info)}};
    for (const ParameterInfo& parameter : info.parameters) json["parameters"].push_back(jsonOf(parameter));
    return json;
}

/// The columns that need no evaluation.
int listMethods(bool json) {
    const Considerations table = considerMethods({}, {});
    const auto isKnown = [&](size_t column) { return !table.columns[column].key.ends_with("_here"); };
    OrderedJson methods = OrderedJson::array();
    std::vector<std::vector<std::string>> text(1);
    for (size_t c = 0; c < table.columns.size(); ++c)
        if (isKnown(c)) text[0].push_back(table.columns[c].label);
    for (size_t m = 0; m < table.rows.size(); ++m) {
        const auto& row = table.rows[m];
        OrderedJson object = jsonOf(allMethods()[m]->info());
        text.emplace_back();
        for (size_t c = 0; c < row.size(); ++c) {
            if (!isKnown(c)) continue;
            object[table.columns[c].key] = row[c].text;
            text.back().push_back(row[c].text);
        }
        methods.push_back(std::move(object));
    }
    if (json)
        printJson({{"methods", std::move(methods)}});
    else
        printTable(text);
    return kExitGood;
}

}  // namespace

void addMethodsCommand(CLI::App& program, CommandContext& context) {
    const auto json = std::make_shared<bool>(false);
    CLI::App* command =
        program.add_subcommand("methods", "Which quantization method when: what each needs and is for");
    command->add_flag("--json", *json,
                      "Print one JSON object, with names, options and defaults as text forms write them");
    command->callback([json, &context] { context.exitCode = listMethods(*json); });
}

}  // namespace quantscope
