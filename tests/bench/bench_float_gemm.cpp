// SPDX-License-Identifier: Apache-2.0
// Float products of SmolLM2-135M's linear layers, all cores; "items" are floating-point operations, so that
// items_per_second is FLOPS.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "kernels/float_gemm.h"

namespace quantscope {
namespace {

void product(benchmark::State& state) {
    const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
    const std::vector<float> w(static_cast<size_t>(n * k), 0.01F);
    const std::vector<float> x(static_cast<size_t>(m * k), 0.5F);
    std::vector<float> y(static_cast<size_t>(m * n));
    FloatGemm gemm;
    const auto packed = gemm.pack({w.data(), n, k, k});
    if (!packed) {
        state.SkipWithError(packed.error().message.c_str());
        return;
    }
    for (auto _ : state) {
        gemm.multiply({x.data(), m, k, k}, *packed, y.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * 2 * m * n * k);
    state.SetLabel(std::string(FloatGemm::library()));
}

void shapes(benchmark::internal::Benchmark* bench) {
    for (const int64_t m : {512, 255, 128, 1}) {
        for (const auto& [n, k] : {std::pair{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}}) {
            bench->Args({m, n, k});
        }
    }
}

BENCHMARK(product)->Apply(shapes)->ArgNames({"m", "n", "k"})->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quantscope

BENCHMARK_MAIN();
