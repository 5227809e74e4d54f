// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "app/experiment/model_part.h"
#include "app/results/model_json.h"
#include "cli/calibration_arguments.h"
#include "cli/commands.h"
#include "cli/experiment_options.h"

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
    ExperimentOptions output;
};

Result<LabRequest> requestOf(const Options& options) {
    auto variant = parseVariant(options.variant);
    if (!variant) return fail(variant.error());
    LabRequest request;
    Experiment& experiment = request.experiment;
    experiment.model = modelSourceOf(options.model, options.text, options.calibration);
    // Beside the float reference, as every other experiment has it.
    experiment.variants = {*parseVariant("float"), std::move(*variant)};
    auto& part = experiment.edit<ModelPart>();
    part.layersOnly = true;
    part.layerTokens = options.tokens;
    part.layerWindow = options.window;
    request.views.edit<ModelView>().layerVariant = 1;
    return request;
}

int layers(const Options& options, CommandContext& context) {
    return runPartOf(ModelPart::kLab, requestOf(options), options.output, context,
                     [&](const LabResults& results) {
                         return layersSection(dynamic_cast<const ModelResults&>(results), options.sorted);
                     });
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
    addExperimentOptions(*command, options->output);
    command->callback([options, &context] { context.exitCode = layers(*options, context); });
}

}  // namespace quantscope
