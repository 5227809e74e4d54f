// SPDX-License-Identifier: Apache-2.0
// The linear algebra of src/numerics beside Eigen (compiled for this machine) and oneDNN: what does not beat
// them by a tenth has no reason to be ours. Sizes are the widths of layers. Factorizations and sums use all
// threads, "minus a b" one: methods call it inside their own loops.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/parallel_for.h"
#include "base/random.h"
#include "eigen_algebra.h"
#include "kernels/float_gemm.h"
#include "numerics/gram_sums.h"
#include "numerics/linear_algebra.h"
#ifdef QUANTSCOPE_DNNL
#include <dnnl.h>
#endif

namespace quantscope {
namespace {

constexpr int64_t kTokens = 512;  ///< rows of X in one call
constexpr int64_t kBlock = 128;   ///< columns that GPTQ quantizes before it tells the others

template <class T>
std::vector<T> normals(int64_t count, uint64_t seed) {
    const CounterRandom random(seed);
    std::vector<T> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(random.normal(i));
    return values;
}

/// Symmetric and well conditioned.
std::vector<double> positiveMatrix(int64_t n) {
    std::vector<double> a = normals<double>(n * n, 1);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < i; ++j) a[static_cast<size_t>(j * n + i)] = a[static_cast<size_t>(i * n + j)];
        a[static_cast<size_t>(i * n + i)] = 4 * static_cast<double>(n);
    }
    return a;
}

enum class By { Us, Eigen, OneDnn, FloatGemm };

void useThreads(int threads) {
    limitThreadsOfCaller(threads);
    eigen::setThreads(threads);
}

template <By by>
void factor(benchmark::State& state) {
    useThreads(availableCores());
    const int64_t n = state.range(0);
    const std::vector<double> matrix = positiveMatrix(n);
    std::vector<double> work;
    for (auto _ : state) {
        work = matrix;
        const bool done = by == By::Us ? factorCholesky(work, n) : eigen::factor(work.data(), n);
        if (!done) state.SkipWithError("not positive");
        benchmark::DoNotOptimize(work.data());
    }
}

template <By by>
void invert(benchmark::State& state) {
    useThreads(availableCores());
    const int64_t n = state.range(0);
    std::vector<double> lower = positiveMatrix(n);
    factorCholesky(lower, n);
    std::vector<double> work(lower.size());
    for (auto _ : state) {
        if (by == By::Us) {
            work = lower;
            invertTriangle(work, n);
        } else {
            eigen::invert(lower.data(), work.data(), n);
        }
        benchmark::DoNotOptimize(work.data());
    }
}

template <By by>
void gram(benchmark::State& state) {
    useThreads(availableCores());
    const int64_t n = state.range(0);
    const std::vector<float> x = normals<float>(kTokens * n, 2);
    std::vector<double> sums(static_cast<size_t>(n * n));
    std::vector<float> work(sums.size());
    for (auto _ : state) {
        if (by == By::Us) addGram({x.data(), kTokens, n, n}, work, sums.data());
        if (by == By::Eigen) eigen::addGram(x.data(), kTokens, n, work.data(), sums.data());
#ifdef QUANTSCOPE_DNNL
        if (by == By::OneDnn) {
            dnnl_sgemm('T', 'N', n, n, kTokens, 1, x.data(), n, x.data(), n, 0, work.data(), n);
            for (size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(work[i]);
        }
#endif
        benchmark::DoNotOptimize(sums.data());
    }
}

template <By by>
void minusProduct(benchmark::State& state) {
    useThreads(1);
    const int64_t n = state.range(0);
    const int64_t m = 48;  // GPTQ's band of rows
    const std::vector<float> a = normals<float>(m * kBlock, 3);
    const std::vector<float> b = normals<float>(kBlock * n, 4);
    std::vector<float> c(static_cast<size_t>(m * n));
    for (auto _ : state) {
        if (by == By::Us) multiplyAdd(m, n, kBlock, a.data(), kBlock, b.data(), n, c.data(), n, -1.0F);
        if (by == By::Eigen) eigen::subtractProduct(m, n, kBlock, a.data(), b.data(), c.data());
#ifdef QUANTSCOPE_DNNL
        if (by == By::OneDnn)
            dnnl_sgemm('N', 'N', m, n, kBlock, -1, a.data(), kBlock, b.data(), n, 1, c.data(), n);
#endif
        benchmark::DoNotOptimize(c.data());
    }
    useThreads(availableCores());
}

template <By by>
void transposedProduct(benchmark::State& state) {
    useThreads(availableCores());
    const int64_t n = state.range(0);
    const std::vector<float> a = normals<float>(kTokens * n, 5);
    const std::vector<float> b = normals<float>(n * n, 6);
    std::vector<float> out(static_cast<size_t>(kTokens * n));
    const FloatGemm gemm(**chooseKernels(detectCpuFeatures()));
    const MatrixView left{a.data(), kTokens, n, n};
    const MatrixView right{b.data(), n, n, n};
    for (auto _ : state) {
        if (by == By::Us) multiplyTransposed(left, right, out.data());
        if (by == By::FloatGemm) gemm.multiply(left, *FloatGemm::pack(right), out.data());
        if (by == By::Eigen) eigen::multiplyTransposed(kTokens, n, n, a.data(), b.data(), out.data());
#ifdef QUANTSCOPE_DNNL
        if (by == By::OneDnn)
            dnnl_sgemm('N', 'T', kTokens, n, n, 1, a.data(), n, b.data(), n, 0, out.data(), n);
#endif
        benchmark::DoNotOptimize(out.data());
    }
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->ArgName("n")->UseRealTime()->Unit(benchmark::kMicrosecond);
    for (const int64_t n : {192, 576, 1536}) bench->Arg(n);
}

#ifdef QUANTSCOPE_DNNL
#define QUANTSCOPE_BESIDE_ONEDNN(function, name) \
    BENCHMARK(function<By::OneDnn>)->Name(name " oneDNN")->Apply(sizes)
#else
#define QUANTSCOPE_BESIDE_ONEDNN(function, name) static_assert(true)
#endif

BENCHMARK(factor<By::Us>)->Name("Cholesky ours")->Apply(sizes);
BENCHMARK(factor<By::Eigen>)->Name("Cholesky Eigen")->Apply(sizes);
BENCHMARK(invert<By::Us>)->Name("triangular inverse ours")->Apply(sizes);
BENCHMARK(invert<By::Eigen>)->Name("triangular inverse Eigen")->Apply(sizes);
BENCHMARK(gram<By::Us>)->Name("X^T X ours")->Apply(sizes);
BENCHMARK(gram<By::Eigen>)->Name("X^T X Eigen")->Apply(sizes);
QUANTSCOPE_BESIDE_ONEDNN(gram, "X^T X");
BENCHMARK(minusProduct<By::Us>)->Name("minus a b ours")->Apply(sizes);
BENCHMARK(minusProduct<By::Eigen>)->Name("minus a b Eigen")->Apply(sizes);
QUANTSCOPE_BESIDE_ONEDNN(minusProduct, "minus a b");
BENCHMARK(transposedProduct<By::Us>)->Name("a b^T ours")->Apply(sizes);
BENCHMARK(transposedProduct<By::FloatGemm>)->Name("a b^T FloatGemm")->Apply(sizes);
BENCHMARK(transposedProduct<By::Eigen>)->Name("a b^T Eigen")->Apply(sizes);
QUANTSCOPE_BESIDE_ONEDNN(transposedProduct, "a b^T");

}  // namespace
}  // namespace quantscope

BENCHMARK_MAIN();
