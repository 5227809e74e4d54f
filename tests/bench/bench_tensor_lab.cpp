// SPDX-License-Identifier: Apache-2.0
// A control moves in the Tensor lab: opening, preview and full result of a float and a quantized variant, and
// of one changed variant, in milliseconds (elapsed, and processor time of all threads). Goals: preview 15 ms
// at any size, full 150 ms at 28M elements on two cores.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <memory>
#include <vector>

#include "app/pipelines/tensor_pipeline.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

double processorMs() {
    return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Spent {
    double previewMs = std::numeric_limits<double>::infinity();
    double fullMs = std::numeric_limits<double>::infinity();
    double processor = std::numeric_limits<double>::infinity();
};

/// The least of what several runs took; `previewMs` is until the first delivery.
Spent runOnce(TensorPipeline& pipeline, const Experiment& experiment) {
    Spent spent;
    const auto start = Clock::now();
    const double before = processorMs();
    const auto now = [&] { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); };
    pipeline.run(experiment, 1, {}, [&](const auto& results) {
        (results->tier == Tier::Preview ? spent.previewMs : spent.fullMs) = now();
    });
    spent.processor = processorMs() - before;
    return spent;
}

void print(const char* what, const std::string& name, const Spent& spent) {
    const std::string preview =
        spent.previewMs < 1e9 ? fmt::format("{:8.1f}", spent.previewMs) : std::string("       -");
    fmt::print("{:<28} {:<22} {} {:9.1f} {:9.1f}\n", what, name, preview, spent.fullMs, spent.processor);
    std::fflush(stdout);
}

void measure(const char* matrix, int rounds) {
    const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
    SourceLibrary sources(kernels);
    TensorPipeline pipeline(sources, kernels);
    Experiment experiment;
    experiment.edit<TensorPart>().matrix = SyntheticSource{matrix};
    experiment.variants = {Variant{}, *parseVariant("int8/symmetric/channel")};
    experiment.variants.front().weights.scheme = floatScheme();
    print(matrix, "opened", runOnce(pipeline, experiment));
    for (const char* scheme : {"int8/symmetric/channel", "int4/symmetric/channel", "int4/affine/group=64",
                               "int4/symmetric/tensor", "int4/symmetric/channel/mse"}) {
        experiment.variants[1] = *parseVariant(scheme);
        experiment.edit<TensorPart>().histogramBins = 256;
        print("  one variant changed", scheme, runOnce(pipeline, experiment));
        // Another histogram resolution each time, so that neither variant comes from the cache.
        Spent least;
        for (int round = 1; round <= rounds; ++round) {
            experiment.edit<TensorPart>().histogramBins = 256 + round;
            const Spent spent = runOnce(pipeline, experiment);
            least.previewMs = std::min(least.previewMs, spent.previewMs);
            least.fullMs = std::min(least.fullMs, spent.fullMs);
            least.processor = std::min(least.processor, spent.processor);
        }
        print("  both anew", scheme, least);
    }
}

}  // namespace
}  // namespace quantscope

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
    fmt::print("{:<28} {:<22} {:>8} {:>9} {:>9}\n", "matrix", "changed variant", "preview", "full ms",
               "cpu ms");
    quantscope::measure("normal/rows=512/cols=192", rounds);
    quantscope::measure("outliers/rows=576/cols=1536", rounds);
    quantscope::measure("outliers/rows=49152/cols=576", rounds);
    return 0;
}
