// SPDX-License-Identifier: Apache-2.0
// Float products of SmolLM2-135M's linear layers, all cores; "items" are floating-point operations, so that
// items_per_second is FLOPS.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernels/float_gemm.h"
#if defined(QUANTSCOPE_DNNL)
#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace quantscope {
namespace {

void product(benchmark::State& state) {
    const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
    const std::vector<float> w(static_cast<size_t>(n * k), 0.01F);
    const std::vector<float> x(static_cast<size_t>(m * k), 0.5F);
    std::vector<float> y(static_cast<size_t>(m * n));
    const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
    const FloatGemm gemm(kernels);
    const auto packed = FloatGemm::pack({w.data(), n, k, k});
    if (!packed) {
        state.SkipWithError(packed.error().message.c_str());
        return;
    }
    for (auto _ : state) {
        gemm.multiply({x.data(), m, k, k}, *packed, y.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * 2 * m * n * k);
    state.SetLabel(std::string(kernels.name));
}

#if defined(QUANTSCOPE_DNNL)
/// The weight in whatever layout oneDNN likes best, reordered once; the whole product in one call.
void productOfDnnl(benchmark::State& state) {
    using dnnl::memory;
    const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
    const auto plain = [](int64_t rows, int64_t cols) {
        return memory::desc({rows, cols}, memory::data_type::f32, memory::dims{cols, 1});
    };
    dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    const memory::desc any({k, n}, memory::data_type::f32, memory::format_tag::any);
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(plain(m, k), any, plain(m, n)), engine);
    memory x(plain(m, k), engine), w(description.weights_desc(), engine), y(plain(m, n), engine);
    std::memset(x.get_data_handle(), 0, x.get_desc().get_size());
    std::memset(w.get_data_handle(), 0, w.get_desc().get_size());
    dnnl::matmul product(description);
    for (auto _ : state) {
        product.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
        stream.wait();
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * 2 * m * n * k);
}
#endif

void shapes(benchmark::internal::Benchmark* bench) {
    for (const int64_t m : {512, 255, 128, 1}) {
        for (const auto& [n, k] : {std::pair{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}}) {
            bench->Args({m, n, k});
        }
    }
}

#if defined(QUANTSCOPE_DNNL)
BENCHMARK(productOfDnnl)
    ->Name("oneDNN")
    ->Apply(shapes)
    ->ArgNames({"m", "n", "k"})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
#endif
BENCHMARK(product)->Apply(shapes)->ArgNames({"m", "n", "k"})->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quantscope

BENCHMARK_MAIN();
