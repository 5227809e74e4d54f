// SPDX-License-Identifier: Apache-2.0
// Quantization methods on the seven layers of one block of SmolLM2-135M, 8,192 synthetic calibration tokens:
// seconds to gather the statistics and to quantize; short ones after one unmeasured run. bench_methods
// [VARIANT ...]; peers/methods_peer.py runs it beside a peer of each method.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/float_gemm.h"
#include "methods/interface/method.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/recipe_needs.h"
#include "methods/interface/variant.h"

using namespace quantscope;

namespace {

struct Layer {
    const char* name;
    int64_t out;
    int64_t in;
    int input;  ///< which of the block's four inputs
};
constexpr std::array kLayers{Layer{"attn_q", 576, 576, 0},    Layer{"attn_k", 192, 576, 0},
                             Layer{"attn_v", 192, 576, 0},    Layer{"attn_output", 576, 576, 1},
                             Layer{"ffn_gate", 1536, 576, 2}, Layer{"ffn_up", 1536, 576, 2},
                             Layer{"ffn_down", 576, 1536, 3}};
constexpr std::array<int64_t, 4> kWidths{576, 576, 576, 1536};
constexpr int64_t kTokens = 8192;
constexpr int64_t kWindow = 512;
/// A variant that takes less is measured the second time it runs, its memory and threads there already: its
/// peer has run before, too, in a process that imports half of Python.
constexpr double kShort = 2;

Tensor normal(int64_t rows, int64_t cols, uint64_t seed, double scale) {
    const CounterRandom random(seed);
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < values.size(); ++i) {
        const double outlier = i % static_cast<size_t>(cols) == 7 ? 20 : 1;
        values[i] = static_cast<float>(random.normal(i) * scale * outlier);
    }
    return Tensor::fromFloats({rows, cols}, std::move(values));
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The block that is quantized.
struct Block {
    std::vector<Tensor> inputs;
    std::vector<Tensor> weights;
    ProductFunction product;
};

std::vector<std::shared_ptr<const CalibrationStatistics>> gather(const Block& block, CalibrationNeed need) {
    std::vector<std::shared_ptr<const CalibrationStatistics>> statistics(block.inputs.size());
    for (size_t i = 0; i < block.inputs.size() && need != CalibrationNeed::None; ++i) {
        CalibrationCollector collector(kWidths[i], {need == CalibrationNeed::Hessian, 512, 0});
        for (int64_t row = 0; row < kTokens; row += kWindow)
            collector.add({block.inputs[i].matrix().row(row), kWindow, kWidths[i], kWidths[i]});
        statistics[i] = std::make_shared<const CalibrationStatistics>(collector.finish());
    }
    return statistics;
}

Status quantize(const Block& block,
                const std::vector<std::shared_ptr<const CalibrationStatistics>>& statistics,
                const Recipe& recipe) {
    for (size_t l = 0; l < kLayers.size(); ++l) {
        std::vector<Tensor> siblings;
        for (size_t other = 0; other < kLayers.size(); ++other)
            if (kLayers[other].input == kLayers[l].input) siblings.push_back(block.weights[other]);
        const LayerInput input{kLayers[l].name, block.weights[l],
                               statistics[static_cast<size_t>(kLayers[l].input)], siblings, block.product};
        const auto result = quantizeLayer(input, recipe, {});
        if (!result) return fail(result.error());
    }
    return {};
}

struct Seconds {
    double gathered = 0;
    double quantized = 0;
};

Result<Seconds> measure(const Block& block, const Recipe& recipe) {
    const double start = now();
    const auto statistics = gather(block, calibrationNeed(recipe));
    const double gathered = now();
    if (const Status done = quantize(block, statistics, recipe); !done) return fail(done.error());
    return Seconds{gathered - start, now() - gathered};
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> texts(argv + 1, argv + argc);
    if (texts.empty())
        texts = {"gptq/int4/affine/group=64",
                 "awq/int4/group=64",
                 "hqq/int4/group=64",
                 "nf4/double",
                 "adaround/int4/group=64",
                 "kmeans/int4",
                 "sparsegpt",
                 "smoothquant/w8a8/search",
                 "quip-sharp",
                 "q4_k",
                 "iq4_nl/imatrix"};
    FloatGemm gemm(**chooseKernels(detectCpuFeatures()));
    const ProductFunction product{[](const MatrixView& a, const MatrixView& b, float* out, void* context) {
                                      auto& own = *static_cast<FloatGemm*>(context);
                                      own.multiply(a, *FloatGemm::pack(b), out);
                                  },
                                  &gemm};
    Block block{{}, {}, product};
    for (size_t i = 0; i < kWidths.size(); ++i) block.inputs.push_back(normal(kTokens, kWidths[i], i, 1));
    for (const Layer& layer : kLayers)
        block.weights.push_back(normal(layer.out, layer.in, 100 + block.weights.size(), 0.05));
    for (const std::string& text : texts) {
        const auto variant = parseVariant(text);
        if (!variant) {
            fmt::print(stderr, "{}\n", describe(variant.error()));
            return 2;
        }
        Result<Seconds> seconds = measure(block, variant->weights);
        if (seconds && seconds->gathered + seconds->quantized < kShort)
            seconds = measure(block, variant->weights);
        if (!seconds) {
            fmt::print(stderr, "{}\n", describe(seconds.error()));
            return 1;
        }
        fmt::print("{}\t{:.3f}\t{:.3f}\n", text, seconds->gathered, seconds->quantized);
    }
    return 0;
}
