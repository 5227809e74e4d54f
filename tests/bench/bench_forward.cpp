// SPDX-License-Identifier: Apache-2.0
// Tokens a second of perplexity scoring (windows of 512) and milliseconds of a live slider step.
//   bench_forward [MODEL] [TEXT] [CHUNKS] [scoring] [VARIANT]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/cpu_features.h"
#include "base/parallel_for.h"
#include "kernels/float_gemm.h"
#include "model/evaluation/evaluation_session.h"

using namespace quantscope;

namespace {

constexpr const char* kRoot = QUANTSCOPE_SOURCE_DIR;
constexpr int64_t kWindow = 512;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int stop(const Error& error) {
    fmt::print(stderr, "{}\n", describe(error));
    return 3;
}

/// The products of one window alone, with as many threads: what a perfect forward pass would take.
class Ceiling {
 public:
    Ceiling(const ModelConfig& c, const KernelTable& kernels) : m_gemm(kernels) {
        const int64_t kv = c.keyValueHeads * c.headDim;
        const int64_t q = c.heads * c.headDim;
        add(q + 2 * kv, c.hidden, kWindow, c.blocks);
        add(c.hidden, q, kWindow, c.blocks);
        add(2 * c.feedForward, c.hidden, kWindow, c.blocks);
        add(c.hidden, c.feedForward, kWindow, c.blocks);
        add(c.vocabulary, c.hidden, kWindow / 2, 1);
    }
    /// Seconds of all products, each shape timed once and multiplied.
    double seconds() {
        double total = 0;
        for (const Shape& shape : m_shapes) {
            const double start = now();
            m_gemm.multiply({m_x.data(), shape.rows, shape.weights.inputs(), shape.weights.inputs()},
                            shape.weights, m_y.data());
            total += (now() - start) * static_cast<double>(shape.times);
        }
        return total;
    }
    [[nodiscard]] double operations() const { return m_operations; }

 private:
    struct Shape {
        PackedWeights weights;
        int64_t rows;
        int64_t times;
    };
    void add(int64_t n, int64_t k, int64_t rows, int64_t times) {
        const std::vector<float> w(static_cast<size_t>(n * k), 0.01F);
        m_shapes.push_back({*FloatGemm::pack({w.data(), n, k, k}), rows, times});
        m_x.resize(std::max(m_x.size(), static_cast<size_t>(rows * k)), 0.5F);
        m_y.resize(std::max(m_y.size(), static_cast<size_t>(rows * n)));
        m_operations += 2.0 * static_cast<double>(n * k * rows * times);
    }
    FloatGemm m_gemm;
    std::vector<Shape> m_shapes;
    std::vector<float> m_x, m_y;
    double m_operations = 0;
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

void printStages(const StageTimes& times) {
    const double forward = times.total() - times.setup;
    const auto share = [&](const char* name, double seconds) {
        fmt::print("  {:<18}{:6.1f} %\n", name, 100 * seconds / forward);
    };
    share("products", times.products);
    share("attention", times.attention);
    share("norms and others", times.elementwise);
    share("head product", times.headProduct);
    share("head statistics", times.headStatistics);
}

/// The time from window to window, so that opening and packing do not count; between two windows the ceiling
/// is measured, so that both see the same machine.
Status scoring(EvaluationSession& session, const std::vector<int32_t>& tokens, int chunks,
               const KernelTable& kernels, const std::string& variant) {
    const auto variants = parseVariants(variant);
    if (!variants) return fail(variants.error());
    EvaluationProtocol protocol;
    protocol.maxChunks = chunks;
    Ceiling ceiling(session.model().config(), kernels);
    std::vector<double> windows, ceilings, shares;
    std::vector<std::clock_t> processor;
    double last = now();
    const double begin = last;
    double first = 0;
    StageTimes warm;
    std::clock_t lastClock = std::clock();
    const EvaluationSink sink = [&](const EvaluationResult& result) {
        const double seconds = now() - last;
        const std::clock_t clock = std::clock() - lastClock;
        if (first == 0) {
            first = now() - begin;
            warm = result.times;
        } else {
            windows.push_back(seconds);
            processor.push_back(clock);
        }
        ceilings.push_back(ceiling.seconds());
        if (!windows.empty()) {
            shares.push_back((ceilings[ceilings.size() - 2] + ceilings.back()) / 2 / windows.back());
        }
        lastClock = std::clock();
        last = now();
    };
    auto result = session.evaluate(tokens, *variants, protocol, {}, sink);
    if (!result) return fail(result.error());
    if (windows.empty()) return {};
    const double window = median(windows);
    fmt::print(
        "{} scoring {:>{}.0f} tokens/s (median window {:.1f} ms, best {:.1f} ms; {:.0f} ms of processor "
        "time), perplexity {:.4f}\n",
        variant, kWindow / window, std::max<int>(6, 18 - static_cast<int>(variant.size())), window * 1e3,
        *std::ranges::min_element(windows) * 1e3,
        median({processor.begin(), processor.end()}) * 1e3 / CLOCKS_PER_SEC, result->variants[0].perplexity);
    fmt::print("first estimate    {:8.2f} s, of which setting up {:.2f} s\n", first, warm.setup);
    const double pure = median(ceilings);
    fmt::print("products alone    {:8.0f} tokens/s ({:.0f} GFLOPS); scoring reaches {:.0f} % of it\n",
               kWindow / pure, ceiling.operations() / pure / 1e9, 100 * median(shares));
    printStages(result->times);
    return {};
}

/// One variant requantized and scored over 4,096 tokens, the reference kept from the run before.
Status sliderSteps(EvaluationSession& session, const std::vector<int32_t>& tokens) {
    EvaluationProtocol protocol;
    protocol.maxChunks = 8;
    for (const char* scheme :
         {"int8/symmetric/channel", "int7/symmetric/channel", "int6/symmetric/channel",
          "int5/symmetric/channel", "int4/symmetric/channel", "int3/symmetric/channel"}) {
        const double start = now();
        const std::clock_t clock = std::clock();
        auto result = session.evaluate(tokens, *parseVariants(std::string("float; ") + scheme), protocol, {});
        if (!result) return fail(result.error());
        fmt::print("slider step       {:8.0f} ms ({:.0f} ms of processor time)  {} perplexity {:.4f}\n",
                   (now() - start) * 1e3, static_cast<double>(std::clock() - clock) * 1e3 / CLOCKS_PER_SEC,
                   scheme, result->variants[1].perplexity);
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
    fmt::print("{} kernels, {} threads\n", (*kernels)->name, threadCount());
    fmt::print("tokenizer         {:8.1f} MB/s ({} tokens)\n",
               static_cast<double>(text.size()) / (now() - start) / 1e6, tokens->size());
    EvaluationSession session(*model, **kernels, uint64_t{6} << 30);
    if (Status done = scoring(session, *tokens, chunks, **kernels, argc > 5 ? argv[5] : "float"); !done)
        return stop(done.error());
    if (argc > 4) return 0;
    if (Status done = sliderSteps(session, *tokens); !done) return stop(done.error());
    return 0;
}
