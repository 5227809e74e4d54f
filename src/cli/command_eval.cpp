// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "analysis/layers/sizes.h"
#include "app/pipelines/model_pipeline.h"
#include "base/atomic_file.h"
#include "cli/calibration_arguments.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

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
    std::string execution;  ///< empty: as the variants say
    int window = 512;
    int stride = 256;
    int chunks = 0;
    std::string sort;  ///< empty: as given
    bool markdown = false;
    bool json = false;
};

WindowRule ruleOf(const std::string& name) {
    if (name == "gptq") return WindowRule::GptqPaper;
    return name == "sliding" ? WindowRule::Sliding : WindowRule::LlamaCpp;
}

OrderedJson toJson(const Percentiles& p) {
    return {{"min", p.minimum}, {"p01", p.p01},    {"p1", p.p1},      {"p5", p.p5},   {"p10", p.p10},
            {"p25", p.p25},     {"p50", p.median}, {"p75", p.p75},    {"p90", p.p90}, {"p95", p.p95},
            {"p99", p.p99},     {"p999", p.p999},  {"max", p.maximum}};
}

OrderedJson toJson(const VariantScore& s, const Variant& variant) {
    return {{"name", s.name},
            {"scheme", variantText(variant)},
            {"execution", executionOf(variant)},
            {"perplexity", s.perplexity},
            {"perplexity_se", s.perplexitySe},
            {"mean_nll", s.meanNll},
            {"delta_nll", s.deltaNll},
            {"delta_nll_se", s.deltaNllSe},
            {"kl_mean", s.klMean},
            {"kl_mean_se", s.klMeanSe},
            {"kl", toJson(s.kl)},
            {"top1_agreement", s.top1Agreement},
            {"top1_agreement_se", s.top1AgreementSe},
            {"delta_p_rms", s.deltaPRms},
            {"delta_p_mean", s.deltaPMean},
            {"delta_p", toJson(s.deltaP)},
            {"nll_correlation", s.nllCorrelation},
            {"bits_per_weight", s.bitsPerWeight},
            {"weight_bytes", s.weightBytes},
            {"tokens", s.tokens},
            {"seconds", s.seconds}};
}

/// The rows of a report: the reference, then the others, the best first.
std::vector<size_t> orderOf(const std::vector<VariantScore>& scores, const std::string& sort) {
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (sort.empty()) return order;
    const auto key = [&](size_t i) {
        const VariantScore& s = scores[i];
        return sort == "kl" ? s.klMean : sort == "perplexity" ? s.perplexity : s.bitsPerWeight;
    };
    std::stable_sort(order.begin() + 1, order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    return order;
}

OrderedJson toJson(const ModelResults& results, const Options& options) {
    OrderedJson variants = OrderedJson::array();
    const auto& scores = results.evaluation.variants;
    for (const size_t i : orderOf(scores, options.sort))
        variants.push_back(toJson(scores[i], results.request.variants[i]));
    return {{"model", options.model},
            {"title", results.title},
            {"text", options.text},
            {"text_tokens", results.textTokens},
            {"protocol", options.protocol},
            {"window", options.window},
            {"chunks", results.evaluation.chunksDone},
            {"variants", std::move(variants)}};
}

void printText(const ModelResults& results, const Options& options) {
    fmt::print("{} ({}), {} tokens of {}; {} windows of {} tokens, protocol {}\n", results.title,
               results.architecture, withThousands(static_cast<uint64_t>(results.textTokens)), options.text,
               results.evaluation.chunksDone, options.window, options.protocol);
    std::vector<std::vector<std::string>> rows = {
        {"variant", "execution", "bits/weight", "perplexity", "Δ nll", "KL", "same top token", "seconds"}};
    const auto& scores = results.evaluation.variants;
    for (const size_t i : orderOf(scores, options.sort)) {
        const VariantScore& s = scores[i];
        const std::string execution(executionOf(results.request.variants[i]));
        rows.push_back({s.name, execution, fmt::format("{:.3f}", s.bitsPerWeight),
                        fmt::format("{:.4f} ± {:.4f}", s.perplexity, s.perplexitySe),
                        fmt::format("{:+.5f} ± {:.5f}", s.deltaNll, s.deltaNllSe),
                        fmt::format("{:.5f}", s.klMean), fmt::format("{:.2f} %", 100 * s.top1Agreement),
                        fmt::format("{:.1f}", s.seconds)});
    }
    if (options.markdown) return printMarkdownTable(rows);
    printTable(rows);
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

Result<Experiment> experimentOf(const Options& options) {
    auto variants = variantsOf(options.variants);
    if (!variants) return fail(variants.error());
    for (Variant& variant : *variants) {
        if (!options.execution.empty())
            setExecution(variant, options.execution == "integer" ? Execution::Integer : Execution::Fake);
    }
    Experiment experiment;
    const CalibrationArguments& calibration = options.calibration;
    experiment.model = {options.model, options.text, calibration.text, calibration.chunks, calibration.load};
    experiment.variants = std::move(*variants);
    auto& part = experiment.edit<ModelPart>();
    part.layerTokens = 0;
    EvaluationProtocol& protocol = part.evaluation;
    protocol.rule = ruleOf(options.protocol);
    protocol.window = options.window;
    protocol.stride = options.stride;
    protocol.maxChunks = options.chunks;
    return experiment;
}

int evaluateModel(const Options& options, CommandContext& context) {
    const auto experiment = experimentOf(options);
    if (!experiment) return reportError(experiment.error(), kExitUsage);
    ModelPipeline pipeline(context.sources, context.kernels);
    const ProgressSink progress = terminalProgress();
    std::shared_ptr<const ModelResults> last;
    const LabRequest request(*experiment, {}, {options.resume, options.saveCalibration});
    pipeline.run(request, 1, {}, [&](std::shared_ptr<const ModelResults> results) {
        last = std::move(results);
        if (progress) progress({last->fraction, last->stage});
    });
    if (!last) return reportError({ErrorKind::Internal, "no result", {}, {}, {}}, kExitBadInput);
    for (const std::string& note : last->evaluation.notes) fmt::print(stderr, "{}\n", note);
    if (last->error) return reportError(*last->error, kExitBadInput);
    if (options.json) printJson(toJson(*last, options));
    if (!options.json) printText(*last, options);
    return kExitGood;
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
        ->check(CLI::IsMember({"llama.cpp", "gptq", "sliding"}));
    command->add_option("--stride", options->stride, "Step of the sliding protocol")
        ->check(CLI::Range(1, 1 << 20));
    command
        ->add_option("--execution", options->execution,
                     "Compute all that is quantized on codes (integer) or on dequantized values (fake), "
                     "whatever the variants say")
        ->check(CLI::IsMember({"integer", "fake"}));
    command
        ->add_option("--sort", options->sort, "Order of the rows after the reference: kl, perplexity or bits")
        ->check(CLI::IsMember({"kl", "perplexity", "bits"}));
    CLI::Option* markdown = command->add_flag("--markdown", options->markdown, "Print a Markdown table");
    command->add_flag("--json", options->json, "Print one JSON object")->excludes(markdown);
    command->callback([options, &context] { context.exitCode = evaluateModel(*options, context); });
}

}  // namespace quantscope
