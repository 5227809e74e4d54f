// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>

#include "analysis/tensor/tensor_experiment.h"
#include "analysis/tensor/value_histogram.h"
#include "base/parallel_for.h"
#include "cli/bench_forward.h"
#include "cli/bench_gemm.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "tensor/synthetic.h"

namespace quantscope {
namespace {

struct Options {
    std::string name;
    int megaElements = 16;
    int repeats = 5;
    std::string model;
    std::string variants = "float; w8a8/token; w4a8/group=64; w4a16/group=64";
    bool json = false;
};

constexpr std::string_view kForward = "forward";

/// One measured line: best and median of the repeats.
struct Timing {
    std::string name;
    double bestSeconds = 0;
    double medianSeconds = 0;
    int64_t elements = 0;
};

Result<Timing> timed(const std::string& name, int64_t elements, int repeats,
                     const std::function<Status()>& work) {
    std::vector<double> seconds;
    for (int i = 0; i < repeats; ++i) {
        const auto start = std::chrono::steady_clock::now();
        if (auto status = work(); !status) return fail(status.error());
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    return Timing{name, seconds.front(), seconds[seconds.size() / 2], elements};
}

using Timings = std::vector<Timing>;

/// A bell-shaped matrix of the asked size, and what every benchmark needs.
struct Setup {
    const Options& options;
    const KernelTable& kernels;
    Tensor matrix;

    [[nodiscard]] int64_t size() const { return matrix.size(); }
    Result<Timing> measure(const std::string& name, const std::function<Status()>& work) const {
        return timed(name, size(), options.repeats, work);
    }
};

/// The yardstick of the others: what memory allows.
Result<Timings> benchCopy(const Setup& setup) {
    std::vector<float> target(static_cast<size_t>(setup.size()));
    const auto source = setup.matrix.floats();
    auto timing = setup.measure("memory copy", [&]() -> Status {
        parallelFor(setup.size(), int64_t{1} << 18, [&](int64_t begin, int64_t end) {
            std::memcpy(target.data() + begin, source.data() + begin,
                        static_cast<size_t>(end - begin) * sizeof(float));
        });
        return {};
    });
    if (!timing) return fail(timing.error());
    return Timings{std::move(*timing)};
}

Result<Timings> benchFakeQuantize(const Setup& setup) {
    Timings timings;
    for (const char* text : {"int8/tensor", "int8", "int4/affine/group=64", "uint8/affine/tensor"}) {
        const auto scheme = parseScheme(text);
        if (!scheme) return fail(scheme.error());
        auto timing = setup.measure(text, [&]() -> Status {
            auto quantization = chooseQuantization(setup.matrix.matrix(), *scheme, setup.kernels, {});
            if (!quantization) return fail(quantization.error());
            const auto report = errorReport(setup.matrix.matrix(), *quantization, setup.kernels, {});
            if (!report) return fail(report.error());
            return {};
        });
        if (!timing) return fail(timing.error());
        timings.push_back(std::move(*timing));
    }
    return timings;
}

Result<Timings> benchHistogram(const Setup& setup) {
    HistogramAxis axis;
    axis.low = -5;
    axis.high = 5;
    axis.bins = 256;
    auto timing = setup.measure("256 bins", [&]() -> Status {
        const auto histogram = floatHistogram(setup.matrix.matrix(), axis, setup.kernels, {});
        if (!histogram) return fail(histogram.error());
        return {};
    });
    if (!timing) return fail(timing.error());
    return Timings{std::move(*timing)};
}

struct Benchmark {
    const char* name;
    const char* help;
    Result<Timings> (*run)(const Setup&);
};

constexpr std::array kBenchmarks = {
    Benchmark{"copy", "memory copy, the yardstick", benchCopy},
    Benchmark{"fake-quantize", "range, quantize, dequantize, full error split", benchFakeQuantize},
    Benchmark{"histogram", "256-bin histogram", benchHistogram},
};

/// Those that compare with a peer print tables of their own.
struct PeerBenchmark {
    const char* name;
    const char* help;
    Status (*run)(const KernelTable& kernels, const GemmBenchOptions& options);
};

constexpr std::array kPeerBenchmarks = {
    PeerBenchmark{"gemm", "int8 products beside oneDNN", benchGemm},
    PeerBenchmark{"int4", "4-bit products of one row, bytes moved", benchInt4},
    PeerBenchmark{"ladder", "one product from plain loops to the best kernel", benchLadder},
};

std::string namesText() {
    std::string text = "forward (a model's prompt and decoding, float beside integers)";
    for (const PeerBenchmark& b : kPeerBenchmarks)
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", b.name, b.help);
    for (const Benchmark& b : kBenchmarks)
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", b.name, b.help);
    return text;
}

void print(const Options& options, const CommandContext& context, const Timings& timings) {
    OrderedJson cases = OrderedJson::array();
    std::vector<std::vector<std::string>> rows = {{options.name, "best [ms]", "median [ms]", "million/s"}};
    for (const Timing& t : timings) {
        const double rate = static_cast<double>(t.elements) / t.bestSeconds;
        cases.push_back({{"case", t.name},
                         {"best_seconds", t.bestSeconds},
                         {"median_seconds", t.medianSeconds},
                         {"elements", t.elements},
                         {"elements_per_second", rate}});
        rows.push_back({t.name, fmt::format("{:.2f}", 1e3 * t.bestSeconds),
                        fmt::format("{:.2f}", 1e3 * t.medianSeconds), fmt::format("{:.0f}", rate / 1e6)});
    }
    if (options.json)
        printJson({{"name", options.name},
                   {"kernels", context.kernels.name},
                   {"cpu", cpuName()},
                   {"threads", threadCount()},
                   {"cases", std::move(cases)}});
    if (!options.json) printTable(rows);
}

int bench(const Options& options, CommandContext& context) {
    if (options.name == kForward && options.model.empty()) {
        return reportError({ErrorKind::InvalidArgument,
                            "no model is given",
                            {},
                            "--model",
                            "Write --model MODEL.gguf, or a Hugging Face folder."},
                           kExitUsage);
    }
    if (options.name == kForward) {
        const auto status =
            benchForward(context.kernels, {options.model, options.variants, options.repeats, options.json});
        return status ? kExitGood : reportError(status.error(), kExitBadInput);
    }
    for (const PeerBenchmark& peer : kPeerBenchmarks) {
        if (options.name != peer.name) continue;
        const auto status = peer.run(context.kernels, {options.repeats, options.json});
        return status ? kExitGood : reportError(status.error(), kExitBadInput);
    }
    const auto* const it = std::find_if(kBenchmarks.begin(), kBenchmarks.end(),
                                        [&](const Benchmark& b) { return options.name == b.name; });
    if (it == kBenchmarks.end())
        return reportError(
            {ErrorKind::InvalidArgument, "no such benchmark", {}, options.name, "There are " + namesText()},
            kExitUsage);
    SyntheticMatrix spec;
    spec.rows = int64_t{256} * options.megaElements;
    spec.cols = 4096;
    auto matrix = generate(spec);
    if (!matrix) return reportError(matrix.error(), kExitBadInput);
    const Setup setup{options, context.kernels, std::move(*matrix)};
    const auto timings = it->run(setup);
    if (!timings) return reportError(timings.error(), kExitBadInput);
    print(options, context, *timings);
    return kExitGood;
}

}  // namespace

void addBenchCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand("bench", "Speed of one part of the engine on this machine");
    command->add_option("name", options->name, namesText())->required();
    command->add_option("--mega", options->megaElements, "Elements of the matrix, in 2^20")
        ->check(CLI::Range(1, 1024));
    command->add_option("--repeats", options->repeats, "Runs to take the best and median of")
        ->check(CLI::Range(1, 1000));
    command->add_option("--model", options->model, "forward: GGUF file or Hugging Face folder");
    command->add_option("--variants", options->variants,
                        "forward: variants separated by ';', the first is the yardstick");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = bench(*options, context); });
}

}  // namespace quantscope
