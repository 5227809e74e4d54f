// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

#include "base/parallel_for.h"
#include "base/random.h"
#include "cli/output.h"
#include "model/forward/context_runner.h"

namespace quantscope {
namespace {

constexpr int64_t kPrompt = 512;
constexpr int64_t kDecoded = 32;

double wallSeconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Of all threads together.
double processorSeconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Seconds of the runs so far.
struct Samples {
    std::vector<double> wall;
    std::vector<double> processor;
    [[nodiscard]] static double median(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    }
    [[nodiscard]] static double best(const std::vector<double>& values) {
        return *std::min_element(values.begin(), values.end());
    }
};

struct Contestant {
    Variant variant;
    ContextRunner runner;
    Samples prompt;
    Samples decoding;
    StageTimes promptStages;
    StageTimes decodingStages;
};

StageTimes difference(const StageTimes& after, const StageTimes& before) {
    StageTimes result = after;
    result.setup -= before.setup;
    result.products -= before.products;
    result.attention -= before.attention;
    result.inputs -= before.inputs;
    result.elementwise -= before.elementwise;
    result.headProduct -= before.headProduct;
    result.headStatistics -= before.headStatistics;
    return result;
}

/// One timed piece of work of a contestant.
template <class Work>
Status measure(Contestant& one, Samples& samples, StageTimes& stages, const Work& work) {
    const StageTimes before = one.runner.times();
    const double wall = wallSeconds();
    const double processor = processorSeconds();
    if (Status done = work(); !done) return done;
    samples.processor.push_back(processorSeconds() - processor);
    samples.wall.push_back(wallSeconds() - wall);
    stages += difference(one.runner.times(), before);
    return {};
}

Status runRound(Contestant& one, std::span<const int32_t> tokens) {
    one.runner.clear();
    Status prompt = measure(one, one.prompt, one.promptStages, [&]() -> Status {
        if (Status done = one.runner.read(tokens.first(kPrompt)); !done) return done;
        if (auto logits = one.runner.logits(); !logits) return fail(logits.error());
        return {};
    });
    if (!prompt) return prompt;
    return measure(one, one.decoding, one.decodingStages, [&]() -> Status {
        for (size_t i = kPrompt; i < tokens.size(); ++i) {
            if (Status done = one.runner.read(tokens.subspan(i, 1)); !done) return done;
            if (auto logits = one.runner.logits(); !logits) return fail(logits.error());
        }
        return {};
    });
}

OrderedJson sharesJson(const StageTimes& t) {
    const double total = t.total();
    return {{"products", t.products / total},
            {"attention", t.attention / total},
            {"inputs", t.inputs / total},
            {"norms_and_elementwise", t.elementwise / total},
            {"head", t.headProduct / total}};
}

OrderedJson samplesJson(const Samples& s, const Samples& reference, const StageTimes& stages,
                        int64_t tokens) {
    const double median = Samples::median(s.wall);
    return {{"tokens", tokens},
            {"tokens_per_second", static_cast<double>(tokens) / median},
            {"best_tokens_per_second", static_cast<double>(tokens) / Samples::best(s.wall)},
            {"seconds", median},
            {"processor_seconds", Samples::median(s.processor)},
            {"best_processor_seconds", Samples::best(s.processor)},
            {"processor_speedup", Samples::median(reference.processor) / Samples::median(s.processor)},
            {"best_processor_speedup", Samples::best(reference.processor) / Samples::best(s.processor)},
            {"shares", sharesJson(stages)}};
}

void printJsonReport(const std::vector<Contestant>& all, const KernelTable& kernels,
                     const ForwardBenchOptions& options) {
    OrderedJson rows = OrderedJson::array();
    for (const Contestant& one : all) {
        const Contestant& first = all.front();
        rows.push_back(
            {{"name", variantTitle(one.variant)},
             {"scheme", variantText(one.variant)},
             {"execution", executionOf(one.variant)},
             {"prompt", samplesJson(one.prompt, first.prompt, one.promptStages, kPrompt)},
             {"decoding", samplesJson(one.decoding, first.decoding, one.decodingStages, kDecoded)}});
    }
    printJson({{"name", "forward"},
               {"model", options.model},
               {"cpu", cpuName()},
               {"kernels", std::string(kernels.name)},
               {"threads", threadCount()},
               {"repeats", options.repeats},
               {"results", std::move(rows)}});
}

void printTextReport(const std::vector<Contestant>& all) {
    for (const bool decoding : {false, true}) {
        std::vector<std::vector<std::string>> table = {{decoding ? "decoding" : "512-token prompt",
                                                        "tokens/s", "processor s", "speedup", "products",
                                                        "attention", "inputs", "norms etc.", "head"}};
        const auto samplesOf = [&](const Contestant& one) { return decoding ? one.decoding : one.prompt; };
        for (const Contestant& one : all) {
            const Samples samples = samplesOf(one);
            const StageTimes& stages = decoding ? one.decodingStages : one.promptStages;
            const auto share = [&](double seconds) {
                return fmt::format("{:.0f} %", 100 * seconds / stages.total());
            };
            const double tokens = decoding ? kDecoded : kPrompt;
            const double processor = Samples::median(samples.processor);
            table.push_back(
                {variantTitle(one.variant), fmt::format("{:.1f}", tokens / Samples::median(samples.wall)),
                 fmt::format("{:.3f}", processor),
                 fmt::format("{:.2f}x", Samples::median(samplesOf(all.front()).processor) / processor),
                 share(stages.products), share(stages.attention), share(stages.inputs),
                 share(stages.elementwise), share(stages.headProduct)});
        }
        printTable(table);
    }
}

}  // namespace

Status benchForward(const KernelTable& kernels, const ForwardBenchOptions& options) {
    const auto variants = parseVariants(options.variants);
    if (!variants) return fail(variants.error());
    const auto model = openModel(options.model);
    if (!model) return fail(model.error());
    // Any tokens take the same time.
    const CounterRandom random(1);
    std::vector<int32_t> tokens;
    for (uint64_t i = 0; i < kPrompt + kDecoded; ++i)
        tokens.push_back(
            static_cast<int32_t>(random.bits(i) % static_cast<uint64_t>((*model)->config().vocabulary)));
    std::vector<Contestant> all;
    for (const Variant& variant : *variants) {
        auto runner = ContextRunner::open(*model, variant, kPrompt + kDecoded,
                                          std::span(tokens).first(kPrompt), kernels, terminalJob());
        if (!runner) return fail(runner.error());
        all.push_back({variant, std::move(*runner), {}, {}, {}, {}});
    }
    finishProgress();
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        for (Contestant& one : all) {
            if (Status done = runRound(one, tokens); !done) return done;
        }
    }
    if (options.json) printJsonReport(all, kernels, options);
    if (!options.json) printTextReport(all);
    return {};
}

}  // namespace quantscope
