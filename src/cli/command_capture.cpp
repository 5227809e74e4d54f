// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "io/safetensors_writer.h"
#include "model/calibration/capture.h"

namespace quantscope {
namespace {

struct Options {
    std::string model;
    std::string text;
    std::vector<std::string> layers;
    std::string output;
    int tokens = 512;
    int window = 512;
    int top = 5;
    double threshold = 6;
    bool json = false;
};

Result<ActivationCapture> capture(const Options& options, CommandContext& context) {
    const auto model = context.sources.model(options.model);
    if (!model) return fail(model.error());
    const auto tokens = context.sources.tokens({options.model, options.text});
    if (!tokens) return fail(tokens.error());
    CaptureRequest request;
    request.layers = options.layers;
    request.window = options.window;
    request.outlierThreshold = static_cast<float>(options.threshold);
    const size_t count = std::min((*tokens)->size(), static_cast<size_t>(options.tokens));
    return captureActivations(**model, std::span(**tokens).first(count), request, context.kernels,
                              terminalJob())
        .map_error([&](Error error) { return inFile(std::move(error), options.model); });
}

Status writeInputs(const Options& options, const ActivationCapture& captured) {
    std::vector<OutputTensor> tensors;
    for (const auto& [layer, matrix] : captured.inputs) tensors.push_back(outputTensor(layer, matrix));
    if (tensors.empty())
        return fail(ErrorKind::NotFound, "no linear layer has such a name", "--layer",
                    "Use names like blk.0.ffn_down or patterns like '*.ffn_down'");
    const std::map<std::string, std::string> metadata = {
        {"model", options.model}, {"text", options.text}, {"window", std::to_string(options.window)}};
    return writeSafetensors(options.output, tensors, metadata);
}

/// Channels by decreasing absMax.
std::vector<size_t> topChannels(const ChannelStatistics& s, int count) {
    std::vector<size_t> order(s.absMax.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto end = order.begin() + std::min<ptrdiff_t>(count, std::ssize(order));
    std::partial_sort(order.begin(), end, order.end(),
                      [&](size_t a, size_t b) { return s.absMax[a] > s.absMax[b]; });
    order.erase(end, order.end());
    return order;
}

double medianAbsMax(std::vector<float> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
}

int64_t outlierChannels(const ChannelStatistics& s) {
    return std::count_if(s.outlierTokens.begin(), s.outlierTokens.end(), [](int64_t n) { return n > 0; });
}

OrderedJson toJson(const Options& options, const ActivationCapture& captured) {
    OrderedJson layers = OrderedJson::array();
    for (const ChannelStatistics& s : captured.statistics) {
        OrderedJson top = OrderedJson::array();
        for (const size_t c : topChannels(s, options.top))
            top.push_back({{"channel", c},
                           {"abs_max", s.absMax[c]},
                           {"rms", std::sqrt(s.meanSquare[c])},
                           {"outlier_tokens", s.outlierTokens[c]}});
        layers.push_back({{"layer", s.layer},
                          {"tokens", s.tokens},
                          {"channels", s.absMax.size()},
                          {"median_abs_max", medianAbsMax(s.absMax)},
                          {"outlier_channels", outlierChannels(s)},
                          {"top", std::move(top)}});
    }
    return {{"model", options.model},
            {"text", options.text},
            {"threshold", options.threshold},
            {"layers", std::move(layers)}};
}

void printText(const Options& options, const ActivationCapture& captured) {
    std::vector<std::vector<std::string>> rows = {
        {"input of", "channels", "median |x|max", "outlier channels", "largest channels"}};
    for (const ChannelStatistics& s : captured.statistics) {
        std::string top;
        for (const size_t c : topChannels(s, options.top))
            top += fmt::format("{}{}: {:.4g}", top.empty() ? "" : ", ", c, s.absMax[c]);
        rows.push_back({s.layer, std::to_string(s.absMax.size()),
                        fmt::format("{:.4g}", medianAbsMax(s.absMax)), std::to_string(outlierChannels(s)),
                        top});
    }
    printTable(rows);
}

int run(const Options& options, CommandContext& context) {
    if (options.output.empty() != options.layers.empty())
        return reportError(
            {ErrorKind::InvalidArgument, "--layer and --output belong together", {}, "capture", {}},
            kExitUsage);
    const auto captured = capture(options, context);
    if (!captured) return reportError(captured.error(), kExitBadInput);
    if (!options.output.empty()) {
        if (auto status = writeInputs(options, *captured); !status)
            return reportError(status.error(), kExitBadInput);
    }
    if (options.json) printJson(toJson(options, *captured));
    if (!options.json) printText(options, *captured);
    return kExitGood;
}

}  // namespace

void addCaptureCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand(
        "capture", "Inputs of the linear layers over a text: outlier channels, or the matrices themselves");
    command->add_option("--model", options->model, "GGUF file or Hugging Face folder")->required();
    command->add_option("--text", options->text, "Text to run over")->required();
    command->add_option("--layer", options->layers, "Layers whose inputs are written: names or patterns");
    command->add_option("-o,--output", options->output, "safetensors file for them");
    command->add_option("--tokens", options->tokens, "Tokens of the text")->check(CLI::Range(1, 1 << 24));
    command->add_option("--window", options->window, "Tokens a forward pass sees")
        ->check(CLI::Range(2, 1 << 20));
    command->add_option("--threshold", options->threshold, "Magnitude of an outlier (LLM.int8(): 6)")
        ->check(CLI::PositiveNumber);
    command->add_option("--top", options->top, "Channels listed a layer")->check(CLI::Range(0, 1000));
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = run(*options, context); });
}

}  // namespace quantscope
