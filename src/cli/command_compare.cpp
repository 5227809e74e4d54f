// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include "app/experiment/tensor_part.h"
#include "app/results/tensor_json.h"
#include "cli/calibration_arguments.h"
#include "cli/commands.h"
#include "cli/experiment_options.h"

namespace quantscope {
namespace {

struct Options {
    std::string file;
    std::string tensor;
    std::string synthetic;
    std::string activations;
    std::string text;
    int tokens = 512;
    std::string inputs;
    CalibrationArguments calibration;
    std::string variants;
    ExperimentOptions output;
};

Result<MatrixSource> sourceOf(const Options& o) {
    const int given =
        (o.tensor.empty() ? 0 : 1) + (o.synthetic.empty() ? 0 : 1) + (o.activations.empty() ? 0 : 1);
    if (given != 1)
        return fail(ErrorKind::InvalidArgument, "give exactly one of --tensor, --synthetic and --activations",
                    "compare");
    if (!o.synthetic.empty()) return MatrixSource(SyntheticSource{o.synthetic});
    if (o.file.empty()) return fail(ErrorKind::InvalidArgument, "no file is given", "FILE");
    if (!o.tensor.empty()) return MatrixSource(TensorSource{o.file, o.tensor});
    if (o.text.empty())
        return fail(ErrorKind::InvalidArgument, "--activations needs --text, the text to run over", "--text");
    return MatrixSource(ActivationSource{o.file, o.text, o.activations, o.tokens});
}

/// FILE, synthetic:SPEC or captured:LAYER.
Result<std::optional<MatrixSource>> inputsOf(const Options& o) {
    const auto after = [&](const std::string& prefix) -> std::optional<std::string> {
        if (o.inputs.rfind(prefix, 0) != 0) return std::nullopt;
        return o.inputs.substr(prefix.size());
    };
    using Inputs = std::optional<MatrixSource>;
    if (o.inputs.empty()) return Inputs{};
    if (const auto spec = after("synthetic:")) return Inputs(SyntheticSource{*spec});
    const auto layer = after("captured:");
    if (!layer) return Inputs(TensorSource{o.inputs, {}});
    if (o.file.empty() || o.text.empty())
        return fail(ErrorKind::InvalidArgument, "captured inputs need the model and a text to run over",
                    "--inputs", "give the model as FILE, and --text");
    return Inputs(ActivationSource{o.file, o.text, *layer, o.tokens});
}

Result<LabRequest> requestOf(const Options& options) {
    const auto source = sourceOf(options);
    if (!source) return fail(source.error());
    auto inputs = inputsOf(options);
    if (!inputs) return fail(inputs.error());
    auto variants = parseVariants(options.variants);
    if (!variants) return fail(variants.error());
    LabRequest request;
    auto& part = request.experiment.edit<TensorPart>();
    part.matrix = *source;
    part.inputs = std::move(*inputs);
    const CalibrationArguments& calibration = options.calibration;
    if (!options.tensor.empty() && !(calibration.text.empty() && calibration.load.empty()))
        request.experiment.model = modelSourceOf(options.file, {}, calibration);
    request.experiment.variants = std::move(*variants);
    return request;
}

int compare(const Options& options, CommandContext& context) {
    return runPartOf(
        TensorPart::kLab, requestOf(options), options.output, context,
        [](const LabResults& results) { return tensorSection(dynamic_cast<const TensorResults&>(results)); });
}

}  // namespace

void addCompareCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand("compare", "Error of several schemes on one tensor");
    command->add_option("file", options->file, "File or model folder that holds the tensor");
    command->add_option("--tensor", options->tensor, "Name of the tensor");
    command->add_option("--synthetic", options->synthetic,
                        "Generated tensor: normal/rows=512/cols=1024/seed=1");
    command->add_option("--activations", options->activations, "Inputs of this linear layer: blk.0.ffn_down");
    command->add_option("--text", options->text, "Text to run the model over, with --activations");
    command->add_option("--tokens", options->tokens, "Tokens of it")->check(CLI::Range(1, 1 << 20));
    command
        ->add_option("--variants", options->variants,
                     "Schemes separated by ';': \"int8; int4/affine/group=64\"")
        ->required();
    command->add_option("--inputs", options->inputs,
                        "Inputs of a tensor for methods that must know them: a file [tokens x in], "
                        "synthetic:outliers/rows=512, captured:LAYER (with --text)");
    addCalibrationOptions(*command, options->calibration);
    addExperimentOptions(*command, options->output);
    command->callback([options, &context] { context.exitCode = compare(*options, context); });
}

}  // namespace quantscope
