// SPDX-License-Identifier: Apache-2.0
// Integer products beside the libraries people reach for, on the same shapes: "items" are operations, so that
// items_per_second is GOPS. The comparison with oneDNN, taking turns, is `quantscope-cli bench gemm`.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <string>
#include <vector>

#include "base/cpu_features.h"
#include "base/parallel_for.h"
#include "kernels/integer_gemm.h"
#if defined(QUANTSCOPE_OPENBLAS)
#include <cblas.h>
#endif
#if defined(QUANTSCOPE_GEMMLOWP)
// A header library with warnings of its own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <gemmlowp/public/gemmlowp.h>
#pragma GCC diagnostic pop
#endif

namespace quantscope {
namespace {

/// Operands of one product in both arithmetics, of sizes m, n, k.
struct Operands {
    int64_t m, n, k;
    std::vector<uint8_t> x;
    std::vector<int8_t> w;

    explicit Operands(const benchmark::State& state)
        : m(state.range(0)),
          n(state.range(1)),
          k(state.range(2)),
          x(static_cast<size_t>(m * k), 3),
          w(static_cast<size_t>(n * k), 5) {}

    void finish(benchmark::State& state) const {
        state.SetItemsProcessed(state.iterations() * 2 * m * n * k);
    }
};

template <bool kSigned>
void ours(benchmark::State& state) {
    const Operands o(state);
    const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
    const auto packed = PackedInt8Weights::pack(o.w.data(), o.n, o.k);
    std::vector<int32_t> y(static_cast<size_t>(o.m * o.n));
    const CodeView x{o.x.data(), kSigned, o.m, o.k, o.k};
    for (auto _ : state) {
        if (!packed || !multiplyInt8(kernels, x, *packed, y.data())) state.SkipWithError("product failed");
        benchmark::ClobberMemory();
    }
    state.SetLabel(std::string(kernels.name));
    o.finish(state);
}

template <bool kInteger>
void oursInt4(benchmark::State& state) {
    const Operands o(state);
    const KernelTable& kernels = **chooseKernels(detectCpuFeatures());
    const std::vector<uint8_t> codes(static_cast<size_t>(o.n * o.k), 9);
    const std::vector<float> scales(static_cast<size_t>(o.n * ((o.k + 63) / 64)), 0.01F);
    const auto packed = PackedInt4Weights::pack({codes.data(), o.n, o.k, 64, scales.data(), nullptr});
    const std::vector<float> floats(static_cast<size_t>(o.m * o.k), 0.5F);
    const std::vector<float> rowScales(static_cast<size_t>(o.m), 0.5F);
    std::vector<float> y(static_cast<size_t>(o.m * o.n));
    const CodeView x{o.x.data(), true, o.m, o.k, o.k};
    for (auto _ : state) {
        const Status done = kInteger
                                ? multiplyInt4(kernels, x, rowScales.data(), *packed, y.data())
                                : multiplyInt4(kernels, {floats.data(), o.m, o.k, o.k}, *packed, y.data());
        if (!done) state.SkipWithError("product failed");
        benchmark::ClobberMemory();
    }
    state.SetLabel(std::string(kernels.name));
    o.finish(state);
}

template <class Scalar>
void eigen(benchmark::State& state) {
    using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Operands o(state);
    const Matrix x = Matrix::Constant(o.m, o.k, Scalar{3});
    const Matrix w = Matrix::Constant(o.n, o.k, Scalar{5});
    Matrix y(o.m, o.n);
    for (auto _ : state) {
        y.noalias() = x * w.transpose();
        benchmark::ClobberMemory();
    }
    o.finish(state);
}

#if defined(QUANTSCOPE_OPENBLAS)
void openBlasFloat(benchmark::State& state) {
    const Operands o(state);
    const std::vector<float> x(static_cast<size_t>(o.m * o.k), 3.0F);
    const std::vector<float> w(static_cast<size_t>(o.n * o.k), 5.0F);
    std::vector<float> y(static_cast<size_t>(o.m * o.n));
    const auto m = static_cast<int>(o.m), n = static_cast<int>(o.n), k = static_cast<int>(o.k);
    for (auto _ : state) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x.data(), k, w.data(), k, 0,
                    y.data(), n);
        benchmark::ClobberMemory();
    }
    o.finish(state);
}
#endif

#if defined(QUANTSCOPE_GEMMLOWP)
/// u8 times u8 with offsets, the library's own convention; int32 results.
void gemmlowpU8(benchmark::State& state) {
    const Operands o(state);
    const std::vector<uint8_t> w(static_cast<size_t>(o.n * o.k), 133);
    std::vector<int32_t> y(static_cast<size_t>(o.m * o.n));
    const auto m = static_cast<int>(o.m), n = static_cast<int>(o.n), k = static_cast<int>(o.k);
    const gemmlowp::MatrixMap<const uint8_t, gemmlowp::MapOrder::RowMajor> left(o.x.data(), m, k, k);
    const gemmlowp::MatrixMap<const uint8_t, gemmlowp::MapOrder::ColMajor> right(w.data(), k, n, k);
    gemmlowp::MatrixMap<int32_t, gemmlowp::MapOrder::RowMajor> result(y.data(), m, n, n);
    gemmlowp::GemmContext context;
    context.set_max_num_threads(threadCount());
    for (auto _ : state) {
        gemmlowp::GemmWithOutputPipeline<uint8_t, int32_t, gemmlowp::DefaultL8R8BitDepthParams>(
            &context, left, right, &result, 0, -128, std::tuple<>());
        benchmark::ClobberMemory();
    }
    o.finish(state);
}
#endif

void shapes(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"m", "n", "k"})->UseRealTime()->Unit(benchmark::kMicrosecond);
    for (const int64_t m : {1, 16, 128, 512}) {
        for (const auto& [n, k] : {std::pair{576, 576}, {1536, 576}, {576, 1536}, {2048, 2048}}) {
            bench->Args({m, n, k});
        }
    }
}

BENCHMARK(ours<true>)->Name("ours s8s8")->Apply(shapes);
BENCHMARK(ours<false>)->Name("ours u8s8")->Apply(shapes);
BENCHMARK(oursInt4<true>)->Name("ours w4a8")->Apply(shapes);
BENCHMARK(oursInt4<false>)->Name("ours w4a16")->Apply(shapes);
BENCHMARK(eigen<int32_t>)->Name("Eigen int32")->Apply(shapes);
BENCHMARK(eigen<float>)->Name("Eigen float")->Apply(shapes);
#if defined(QUANTSCOPE_OPENBLAS)
BENCHMARK(openBlasFloat)->Name("OpenBLAS float")->Apply(shapes);
#endif
#if defined(QUANTSCOPE_GEMMLOWP)
BENCHMARK(gemmlowpU8)->Name("gemmlowp u8u8")->Apply(shapes);
#endif

}  // namespace
}  // namespace quantscope

BENCHMARK_MAIN();
