// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "analysis/layers/layer_row.h"
#include "cli/calibration_arguments.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "model/calibration/calibration_request.h"
#include "model/evaluation/layer_error.h"

namespace quantscope {
namespace {

struct Options {
    std::string model;
    std::string text;
    std::string variant;
    CalibrationArguments calibration;
    int tokens = 512;
    int window = 512;
    bool sorted = false;
    bool json = false;
};

/// A layer's row with what arrives broken at its input.
struct Row {
    LayerRow layer;
    double inputError = 0;
};

/// Null where the variant needs none, or no text and no file were given.
Result<std::shared_ptr<CalibrationSource>> calibrationOf(const Options& options, const Variant& variant,
                                                         const Model& model, CommandContext& context,
                                                         const Job& job) {
    CalibrationRequest request;
    request.need = calibrationNeed(variant);
    if (request.need == CalibrationNeed::None) return std::shared_ptr<CalibrationSource>();
    request.input.chunks = options.calibration.chunks;
    request.input.file = options.calibration.load;
    if (!options.calibration.text.empty()) {
        auto tokens = context.sources.tokens({options.model, options.calibration.text});
        if (!tokens) return fail(tokens.error());
        request.input.text = std::move(*tokens);
    }
    return openCalibration(model, context.kernels, request, job);
}

Result<std::vector<Row>> measure(const Options& options, const Variant& variant, CommandContext& context) {
    const auto model = context.sources.model(options.model);
    if (!model) return fail(model.error());
    const auto tokens = context.sources.tokens({options.model, options.text});
    if (!tokens) return fail(tokens.error());
    const size_t count = std::min((*tokens)->size(), static_cast<size_t>(options.tokens));
    const Job job = terminalJob();
    const auto calibration = calibrationOf(options, variant, **model, context, job.quiet());
    if (!calibration) return fail(calibration.error());
    const auto errors = measureLayerErrors(**model, std::span(**tokens).first(count), variant, options.window,
                                           context.kernels, job.part(0, 0.8), *calibration);
    if (!errors) return fail(inFile(errors.error(), options.model));
    std::vector<Row> rows;
    for (const LayerError& error : *errors) {
        const double done = static_cast<double>(rows.size()) / static_cast<double>(errors->size());
        if (!job.proceed(0.8 + 0.2 * done, error.layer)) return fail(ErrorKind::Cancelled, "stopped");
        const auto weight = (*model)->linearWeight(error.layer);
        if (!weight) return fail(weight.error());
        auto row = measuredRow(error, weight->matrix(), recipeFor(variant, error.layer), context.kernels);
        if (!row) return fail(inFile(row.error(), options.model));
        rows.push_back({std::move(*row), error.inputError});
    }
    return rows;
}

OrderedJson toJson(const Options& options, const Variant& variant, const std::vector<Row>& rows) {
    OrderedJson layers = OrderedJson::array();
    for (const Row& row : rows) {
        const LayerRow& l = row.layer;
        layers.push_back({{"name", l.name},
                          {"rows", l.rows},
                          {"cols", l.cols},
                          {"scheme", l.scheme},
                          {"bits_per_weight", l.weight.bitsPerWeight},
                          {"weight_error", l.weight.relativeFrobenius},
                          {"weight_sqnr_db", l.weight.sqnrDb},
                          {"weight_kurtosis", l.weightKurtosis},
                          {"weight_abs_max", l.weightAbsMax},
                          {"input_error", row.inputError},
                          {"local_error", l.localError},
                          {"accumulated_error", l.accumulatedError},
                          {"bytes", l.bytes}});
    }
    return {{"model", options.model},
            {"text", options.text},
            {"variant", variantText(variant)},
            {"tokens", options.tokens},
            {"layers", std::move(layers)}};
}

void printText(const std::vector<Row>& rows) {
    std::vector<std::vector<std::string>> table = {{"layer", "scheme", "bits/weight", "weight error",
                                                    "SQNR [dB]", "kurtosis", "local error", "input error",
                                                    "accumulated"}};
    for (const Row& row : rows) {
        const LayerRow& l = row.layer;
        table.push_back({l.name, l.scheme, fmt::format("{:.3f}", l.weight.bitsPerWeight),
                         fmt::format("{:.5f}", l.weight.relativeFrobenius),
                         fmt::format("{:.2f}", l.weight.sqnrDb), fmt::format("{:.1f}", l.weightKurtosis),
                         fmt::format("{:.5f}", l.localError), fmt::format("{:.5f}", row.inputError),
                         fmt::format("{:.5f}", l.accumulatedError)});
    }
    printTable(table);
}

int layers(const Options& options, CommandContext& context) {
    const auto variant = parseVariant(options.variant);
    if (!variant) return reportError(variant.error(), kExitUsage);
    auto rows = measure(options, *variant, context);
    if (!rows) return reportError(rows.error(), kExitBadInput);
    if (options.sorted)
        std::stable_sort(rows->begin(), rows->end(),
                         [](const Row& a, const Row& b) { return a.layer.localError > b.layer.localError; });
    if (options.json) printJson(toJson(options, *variant, *rows));
    if (!options.json) printText(*rows);
    return kExitGood;
}

}  // namespace

void addLayersCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        program.add_subcommand("layers", "Weight, local and accumulated error of every linear layer");
    command->add_option("--model", options->model, "GGUF file or Hugging Face folder")->required();
    command->add_option("--text", options->text, "Text the layers are measured on")->required();
    command->add_option("--scheme", options->variant, "The variant to measure: int4/affine/group=64")
        ->required();
    addCalibrationOptions(*command, options->calibration);
    command->add_option("--tokens", options->tokens, "Tokens of the text")->check(CLI::Range(1, 1 << 20));
    command->add_option("--window", options->window, "Tokens a forward pass sees")
        ->check(CLI::Range(2, 1 << 20));
    command->add_flag("--sort", options->sorted, "Largest local error first");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = layers(*options, context); });
}

}  // namespace quantscope
