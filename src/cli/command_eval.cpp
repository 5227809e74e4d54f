// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <memory>

#include "app/experiment/model_part.h"
#include "app/results/model_json.h"
#include "base/atomic_file.h"
#include "cli/calibration_arguments.h"
#include "cli/commands.h"
#include "cli/experiment_options.h"

namespace quantscope {
namespace {

struct Options {
    std::string model;
    std::string text;
    std::string variants;
    CalibrationArguments calibration;
    std::string saveCalibration;
    std::string resume;
    std::string protocol = "llama.cpp";
    std::string order = "auto";
    uint64_t memory = EvaluationProtocol{}.memoryBudgetBytes;
    std::string execution;  ///< empty: as the variants say
    int window = 512;
    int stride = 256;
    int chunks = 0;
    std::string sort;  ///< empty: as given
    ExperimentOptions output;
};

template <class T, size_t N>
T valueNamed(const std::string& name, const char* const (&names)[N]) {
    return static_cast<T>(std::find(std::begin(names), std::end(names), name) - std::begin(names));
}

template <size_t N>
std::vector<std::string> listOf(const char* const (&names)[N]) {
    return {std::begin(names), std::end(names)};
}

/// "@FILE": one variant a line; lines that are empty or begin with '#' are not read.
Result<std::vector<Variant>> variantsOf(const std::string& text) {
    if (!text.starts_with('@')) return parseVariants(text);
    constexpr uint64_t kMostBytes = 1 << 20;
    const std::string path = text.substr(1);
    const auto content = readTextFile(path, kMostBytes);
    if (!content) return fail(content.error());
    std::string joined;
    for (size_t begin = 0; begin < content->size();) {
        const size_t end = std::min(content->find('\n', begin), content->size());
        const std::string_view line = std::string_view(*content).substr(begin, end - begin);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos && !line.starts_with('#'))
            joined += (joined.empty() ? "" : ";") + std::string(line);
        begin = end + 1;
    }
    auto variants = parseVariants(joined);
    if (!variants) return fail(inFile(variants.error(), path));
    return variants;
}

Result<LabRequest> requestOf(const Options& options) {
    auto variants = variantsOf(options.variants);
    if (!variants) return fail(variants.error());
    for (Variant& variant : *variants) {
        if (!options.execution.empty())
            setExecution(variant, options.execution == "integer" ? Execution::Integer : Execution::Fake);
    }
    LabRequest request;
    Experiment& experiment = request.experiment;
    experiment.model = modelSourceOf(options.model, options.text, options.calibration);
    experiment.variants = std::move(*variants);
    auto& part = experiment.edit<ModelPart>();
    part.layerTokens = 0;
    EvaluationProtocol& protocol = part.evaluation;
    protocol.rule = valueNamed<WindowRule>(options.protocol, kRuleNames);
    protocol.order = valueNamed<EvaluationOrder>(options.order, kOrderNames);
    protocol.memoryBudgetBytes = options.memory;
    protocol.window = options.window;
    protocol.stride = options.stride;
    protocol.maxChunks = options.chunks;
    request.places = {options.resume, options.saveCalibration};
    return request;
}

int evaluateModel(const Options& options, CommandContext& context) {
    return runPartOf(ModelPart::kLab, requestOf(options), options.output, context,
                     [&](const LabResults& results) {
                         return modelSection(dynamic_cast<const ModelResults&>(results), options.sort);
                     });
}

}  // namespace

void addEvalCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand(
        "eval", "Perplexity and divergence of several schemes, applied to the linear layers of the blocks");
    command->add_option("--model", options->model, "GGUF file or Hugging Face folder")->required();
    command->add_option("--text", options->text, "Text file to score")->required();
    command
        ->add_option("--variants", options->variants,
                     "Schemes separated by ';', the first is the reference: \"float; int8; "
                     "int4/affine/group=64; w8a8/token\"; @FILE: one a line")
        ->required();
    const CalibrationOptionHandles calibration = addCalibrationOptions(*command, options->calibration);
    command->add_option(
        "--resume", options->resume,
        "Folder that keeps each layer a method has finished: the same command goes on there after "
        "a stop");
    CLI::Option* save = command->add_option(
        "--save-calibration", options->saveCalibration,
        "Keep the calibration for later: an importance matrix for llama.cpp in NAME.gguf, all of it in any "
        "other file");
    calibration.load->excludes(save);
    command->add_option("--chunks", options->chunks, "Windows to score (0 = the whole text)")
        ->check(CLI::Range(0, 1 << 20));
    command->add_option("--window", options->window, "Tokens a window")->check(CLI::Range(2, 1 << 20));
    command->add_option("--protocol", options->protocol, "llama.cpp, gptq (all scored) or sliding")
        ->check(CLI::IsMember(listOf(kRuleNames)));
    command->add_option("--stride", options->stride, "Step of the sliding protocol")
        ->check(CLI::Range(1, 1 << 20));
    command
        ->add_option(
            "--order", options->order,
            "All layers of one window after the other (chunk-major), or all windows through one layer "
            "(layer-major), which needs less memory")
        ->check(CLI::IsMember(listOf(kOrderNames)));
    command
        ->add_option(
            "--memory", options->memory,
            "What the weights of all variants may take before auto goes layer by layer, such as 8GiB")
        ->transform(CLI::AsSizeValue(false));
    command
        ->add_option("--execution", options->execution,
                     "Compute all that is quantized on codes (integer) or on dequantized values (fake), "
                     "whatever the variants say")
        ->check(CLI::IsMember({"integer", "fake"}));
    command
        ->add_option("--sort", options->sort, "Order of the rows after the reference: kl, perplexity or bits")
        ->check(CLI::IsMember({"kl", "perplexity", "bits"}));
    CLI::Option* markdown =
        command->add_flag("--markdown", options->output.markdown, "Print a Markdown table");
    addExperimentOptions(*command, options->output)->excludes(markdown);
    command->callback([options, &context] { context.exitCode = evaluateModel(*options, context); });
}

}  // namespace quantscope
