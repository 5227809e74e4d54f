// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "model/forward/generation.h"

namespace quantscope {
namespace {

struct Options {
    std::string model;
    std::string prompt;
    std::string variants;
    std::string execution;  ///< empty: as the variants say
    GenerationOptions generation;
    bool json = false;
};

struct Written {
    Variant variant;
    Generation generation;
    std::string text;
    int64_t common = 0;  ///< tokens as the first variant wrote them
};

double perSecond(size_t tokens, double seconds) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

void printJsonReport(const Options& options, const std::vector<Written>& all, size_t promptTokens) {
    OrderedJson variants = OrderedJson::array();
    for (const Written& one : all)
        variants.push_back(
            {{"name", variantTitle(one.variant)},
             {"scheme", variantText(one.variant)},
             {"execution", executionOf(one.variant)},
             {"text", one.text},
             {"tokens", one.generation.tokens},
             {"common_tokens", one.common},
             {"prompt_tokens_per_second", perSecond(promptTokens, one.generation.promptSeconds)},
             {"tokens_per_second", perSecond(one.generation.tokens.size(), one.generation.decodingSeconds)}});
    printJson({{"model", options.model},
               {"prompt", options.prompt},
               {"prompt_tokens", promptTokens},
               {"temperature", options.generation.temperature},
               {"seed", options.generation.seed},
               {"variants", std::move(variants)}});
}

void printTextReport(const Options& options, const std::vector<Written>& all) {
    std::vector<std::vector<std::string>> rows = {{"variant", "execution", "tokens/s", "as the first"}};
    for (const Written& one : all) {
        fmt::print("== {}\n{}{}\n\n", variantTitle(one.variant), options.prompt, one.text);
        const size_t count = one.generation.tokens.size();
        rows.push_back({variantTitle(one.variant), std::string(executionOf(one.variant)),
                        fmt::format("{:.1f}", perSecond(count, one.generation.decodingSeconds)),
                        fmt::format("{} of {}", one.common, count)});
    }
    printTable(rows);
}

Result<std::vector<Variant>> variantsOf(const Options& options) {
    auto variants = parseVariants(options.variants);
    if (!variants) return fail(variants.error());
    for (Variant& variant : *variants) {
        if (!options.execution.empty())
            setExecution(variant, options.execution == "integer" ? Execution::Integer : Execution::Fake);
    }
    return variants;
}

Result<std::vector<int32_t>> promptOf(const Tokenizer& tokenizer, const std::string& text) {
    auto ids = tokenizer.encode(text);
    if (ids && tokenizer.addsBos() && tokenizer.bos()) ids->insert(ids->begin(), *tokenizer.bos());
    return ids;
}

Status writeAll(const Options& options, const KernelTable& kernels, const std::vector<Variant>& variants) {
    const auto model = openModel(options.model);
    if (!model) return fail(model.error());
    const auto tokenizer = (*model)->tokenizer();
    if (!tokenizer) return fail(tokenizer.error());
    const auto prompt = promptOf(**tokenizer, options.prompt);
    if (!prompt) return fail(prompt.error());
    GenerationOptions generation = options.generation;
    generation.endOfText = (*tokenizer)->eos();
    const int64_t room = static_cast<int64_t>(prompt->size()) + generation.tokens;
    std::vector<Written> all;
    for (const Variant& variant : variants) {
        auto runner = ContextRunner::open(*model, variant, room, *prompt, kernels, terminalJob());
        if (!runner) return fail(runner.error());
        auto written = generate(*runner, *prompt, generation, kernels, terminalJob());
        finishProgress();
        if (!written) return fail(written.error());
        auto text = (*tokenizer)->decode(written->tokens);
        if (!text) return fail(text.error());
        const std::vector<int32_t>& first = all.empty() ? written->tokens : all.front().generation.tokens;
        const int64_t common = commonLength(written->tokens, first);
        all.push_back({variant, std::move(*written), std::move(*text), common});
    }
    if (options.json) printJsonReport(options, all, prompt->size());
    if (!options.json) printTextReport(options, all);
    return {};
}

int run(const Options& options, const CommandContext& context) {
    const auto variants = variantsOf(options);
    if (!variants) return reportError(variants.error(), kExitUsage);
    const Status done = writeAll(options, context.kernels, *variants);
    return done ? kExitGood : reportError(done.error(), kExitBadInput);
}

}  // namespace

void addGenerateCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    options->variants = "float; w8a8/token";
    options->prompt = "And it came to pass";
    CLI::App* command = program.add_subcommand(
        "generate", "What the model writes after a prompt, by each variant, and how fast");
    command->add_option("--model", options->model, "GGUF file or Hugging Face folder")->required();
    command->add_option("--prompt", options->prompt, "Text to go on from")->capture_default_str();
    command
        ->add_option("--variants", options->variants,
                     "Schemes separated by ';', the first is what the others are compared with")
        ->capture_default_str();
    command->add_option("--tokens", options->generation.tokens, "Tokens to write")
        ->check(CLI::Range(1, 1 << 16))
        ->capture_default_str();
    command
        ->add_option("--temperature", options->generation.temperature,
                     "0: always the likeliest token; else sampled")
        ->check(CLI::Range(0.0, 100.0));
    command->add_option("--seed", options->generation.seed, "Of the sampling, the same for all variants");
    command
        ->add_option("--execution", options->execution,
                     "Compute all that is quantized on codes (integer) or on dequantized values (fake)")
        ->check(CLI::IsMember({"integer", "fake"}));
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = run(*options, context); });
}

}  // namespace quantscope
