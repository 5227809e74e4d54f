// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "app/results/considerations.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace quantscope {
namespace {

/// The columns that need no evaluation.
int listMethods(bool json) {
    const Considerations table = considerMethods({}, {});
    const auto isKnown = [&](size_t column) { return !table.columns[column].key.ends_with("_here"); };
    OrderedJson methods = OrderedJson::array();
    std::vector<std::vector<std::string>> text(1);
    for (size_t c = 0; c < table.columns.size(); ++c)
        if (isKnown(c)) text[0].push_back(table.columns[c].label);
    for (const auto& row : table.rows) {
        OrderedJson object;
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
    command->add_flag("--json", *json, "Print one JSON object");
    command->callback([json, &context] { context.exitCode = listMethods(*json); });
}

}  // namespace quantscope
