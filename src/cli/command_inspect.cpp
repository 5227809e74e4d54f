// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "analysis/layers/sizes.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "io/metadata.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

struct Options {
    std::string file;
    bool json = false;
};

std::string typeName(const TensorEntry& entry) {
    return entry.unsupportedType.empty() ? std::string(infoOf(entry.dtype).name) : entry.unsupportedType;
}

double bitsPerWeight(uint64_t bytes, uint64_t parameters) {
    return parameters == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(parameters);
}

struct Totals {
    uint64_t parameters = 0;
    uint64_t bytes = 0;
};

Totals totalsOf(const Checkpoint& checkpoint) {
    Totals totals;
    for (const TensorEntry& entry : checkpoint.tensors()) {
        totals.parameters += static_cast<uint64_t>(elementCount(entry.shape));
        totals.bytes += entry.bytes;
    }
    return totals;
}

OrderedJson toJson(const Checkpoint& checkpoint) {
    OrderedJson tensors = OrderedJson::array();
    for (const TensorEntry& entry : checkpoint.tensors()) {
        const auto parameters = static_cast<uint64_t>(elementCount(entry.shape));
        tensors.push_back({{"name", entry.name},
                           {"dtype", typeName(entry)},
                           {"supported", entry.unsupportedType.empty()},
                           {"shape", entry.shape},
                           {"parameters", parameters},
                           {"bytes", entry.bytes},
                           {"bits_per_weight", bitsPerWeight(entry.bytes, parameters)}});
    }
    OrderedJson metadata = OrderedJson::object();
    for (const auto& [key, value] : checkpoint.metadata())
        std::visit([&member = metadata[key]](const auto& v) { member = v; }, value);
    const Totals totals = totalsOf(checkpoint);
    return {{"file", checkpoint.path().string()},
            {"format", checkpoint.format()},
            {"parameters", totals.parameters},
            {"bytes", totals.bytes},
            {"bits_per_weight", bitsPerWeight(totals.bytes, totals.parameters)},
            {"metadata", std::move(metadata)},
            {"tensors", std::move(tensors)}};
}

void printText(const Checkpoint& checkpoint) {
    const Totals totals = totalsOf(checkpoint);
    fmt::print("{}: {}, {} tensors, {} parameters, {} ({:.3f} bits per weight)\n", checkpoint.path().string(),
               checkpoint.format(), checkpoint.tensors().size(), withThousands(totals.parameters),
               bytesText(totals.bytes), bitsPerWeight(totals.bytes, totals.parameters));
    for (const auto& [key, value] : checkpoint.metadata())
        fmt::print("  {} = {}\n", key, metadataText(value));
    std::vector<std::vector<std::string>> rows = {{"tensor", "type", "shape", "bytes", "bits/weight"}};
    for (const TensorEntry& entry : checkpoint.tensors()) {
        const auto parameters = static_cast<uint64_t>(elementCount(entry.shape));
        rows.push_back({printable(entry.name, 200), typeName(entry), describe(entry.shape),
                        withThousands(entry.bytes),
                        fmt::format("{:.3f}", bitsPerWeight(entry.bytes, parameters))});
    }
    printTable(rows);
}

int inspect(const Options& options, CommandContext& context) {
    const auto checkpoint = context.sources.checkpoint(options.file);
    if (!checkpoint) return reportError(checkpoint.error(), kExitBadInput);
    if (options.json) printJson(toJson(**checkpoint));
    if (!options.json) printText(**checkpoint);
    return kExitGood;
}

}  // namespace

void addInspectCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand("inspect", "List a file's tensors and metadata");
    command->add_option("file", options->file, "GGUF, safetensors, npy, npz, csv, or a model folder")
        ->required();
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = inspect(*options, context); });
}

}  // namespace quantscope
