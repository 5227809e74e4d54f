// SPDX-License-Identifier: Apache-2.0
// Tokens a second of perplexity scoring (windows of 512) and milliseconds of a live slider step.
//   bench_forward [MODEL] [TEXT] [CHUNKS] [scoring]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "base/cpu_features.h"
#include "base/parallel_for.h"
#include "kernels/float_gemm.h"
#include "model/evaluation_session.h"

using namespace quantscope;

namespace {

constexpr const char* kRoot = QUANTSCOPE_SOURCE_DIR;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int stop(const Error& error) {
    fmt::print(stderr, "{}\n", describe(error));
    return 3;
}

/// The time from window to window, so that opening and packing do not count.
Status scoring(EvaluationSession& session, const std::vector<int32_t>& tokens, int chunks) {
    EvaluationProtocol protocol;
    protocol.maxChunks = chunks;
    std::vector<double> times{now()};
    std::vector<std::clock_t> processor;  // of all threads; comparable also on a busy machine
    const EvaluationSink sink = [&](const EvaluationResult&) {
        times.push_back(now());
        processor.push_back(std::clock());
    };
    auto result = session.evaluate(tokens, *parseVariants("float"), protocol, {}, sink);
    if (!result) return fail(result.error());
    std::vector<double> windows;
    for (size_t i = 2; i < times.size(); ++i) windows.push_back(times[i] - times[i - 1]);
    std::ranges::sort(windows);
    if (windows.empty()) return {};
    fmt::print(
        "float scoring     {:8.0f} tokens/s (median window {:.1f} ms, best {:.1f} ms), first estimate {:.2f} "
        "s, "
        "perplexity {:.4f}\n",
        512 / windows[windows.size() / 2], windows[windows.size() / 2] * 1e3, windows[0] * 1e3,
        times[1] - times[0], result->variants[0].perplexity);
    const double seconds = static_cast<double>(processor.back() - processor.front()) / CLOCKS_PER_SEC;
    fmt::print("                  {:8.1f} ms of processor time a window\n",
               seconds * 1e3 / static_cast<double>(windows.size()));
    return {};
}

/// One variant requantized and scored over 4,096 tokens, the reference kept from the run before.
Status sliderSteps(EvaluationSession& session, const std::vector<int32_t>& tokens) {
    EvaluationProtocol protocol;
    protocol.maxChunks = 8;
    std::vector<double> times;
    for (const char* scheme :
         {"int8/symmetric/channel", "int7/symmetric/channel", "int6/symmetric/channel",
          "int5/symmetric/channel", "int4/symmetric/channel", "int3/symmetric/channel"}) {
        const double start = now();
        auto result = session.evaluate(tokens, *parseVariants(std::string("float; ") + scheme), protocol, {});
        if (!result) return fail(result.error());
        times.push_back(now() - start);
        fmt::print("slider step       {:8.0f} ms  {} perplexity {:.4f}\n", times.back() * 1e3, scheme,
                   result->variants[1].perplexity);
    }
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    const std::string path =
        argc > 1 ? argv[1] : std::string(kRoot) + "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    const std::string textPath = argc > 2 ? argv[2] : std::string(kRoot) + "/samples/text/held-out.txt";
    const int chunks = argc > 3 ? std::atoi(argv[3]) : 8;
    const char* override = std::getenv("QUANTSCOPE_KERNELS");
    const auto kernels = chooseKernels(detectCpuFeatures(), override ? override : "");
    if (!kernels) return stop(kernels.error());
    const auto model = openModel(path);
    if (!model) return stop(model.error());
    const auto tokenizer = (*model)->tokenizer();
    if (!tokenizer) return stop(tokenizer.error());
    std::ifstream file(textPath, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const double start = now();
    const auto tokens = (*tokenizer)->encode(text);
    if (!tokens) return stop(tokens.error());
    fmt::print("{} kernels, {}, {} threads\n", (*kernels)->name, FloatGemm::library(), threadCount());
    fmt::print("tokenizer         {:8.1f} MB/s ({} tokens)\n",
               static_cast<double>(text.size()) / (now() - start) / 1e6, tokens->size());
    EvaluationSession session(*model, **kernels, uint64_t{6} << 30);
    if (Status done = scoring(session, *tokens, chunks); !done) return stop(done.error());
    if (argc > 4) return 0;
    if (Status done = sliderSteps(session, *tokens); !done) return stop(done.error());
    return 0;
}
