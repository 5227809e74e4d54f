// SPDX-License-Identifier: Apache-2.0
// Passes over 64M floats (256 MB), all cores: bench_elementwise [google-benchmark flags]. The peer's side is
// peers/elementwise_peer.py; `sh tests/bench/run.sh elementwise` prints both and their ratio.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/parallel_for.h"
#include "base/random.h"
#include "kernels/kernel_table.h"
#include "kernels/matrix_passes.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kCols = 1 << 13;
constexpr int64_t kRows = (int64_t{64} << 20) / kCols;
constexpr int64_t kSize = kRows * kCols;

struct Data {
    std::unique_ptr<float[]> source{new float[kSize]};
    std::unique_ptr<float[]> result{new float[kSize]};
    const KernelTable* table = nullptr;

    Data() {
        const char* name = std::getenv("QUANTSCOPE_KERNELS");
        const auto chosen = chooseKernels(detectCpuFeatures(), name != nullptr ? name : "");
        table = chosen ? *chosen : kernelTables().back();
        const CounterRandom random(1);
        parallelFor(kSize, 1 << 18, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                source[static_cast<size_t>(i)] = static_cast<float>(random.normal(static_cast<uint64_t>(i)));
                result[static_cast<size_t>(i)] = 0;
            }
        });
    }
    [[nodiscard]] MatrixView view() const { return {source.get(), kRows, kCols, kCols}; }
};

Data& data() {
    static Data shared;
    return shared;
}

/// Scale 3/127 as the peer's: a third of a percent of a standard normal is clipped.
std::vector<GroupParams> groupsOf(const Scheme& scheme) {
    const int64_t count = GroupLayout::of(scheme, kRows, kCols).groupCount();
    return std::vector<GroupParams>(static_cast<size_t>(count), GroupParams{3.0F / 127, 0});
}

void finish(benchmark::State& state, int64_t bytesEach) {
    state.SetItemsProcessed(state.iterations() * kSize);
    state.SetBytesProcessed(state.iterations() * kSize * bytesEach);
    state.SetLabel(std::string(data().table->name));
}

void memoryCopy(benchmark::State& state) {
    for (auto _ : state) {
        parallelFor(kSize, 1 << 20, [&](int64_t begin, int64_t end) {
            std::memcpy(data().result.get() + begin, data().source.get() + begin,
                        static_cast<size_t>(end - begin) * sizeof(float));
        });
    }
    finish(state, 8);
}

void fakeQuantize(benchmark::State& state, const char* text) {
    const Scheme scheme = *parseScheme(text);
    const auto groups = groupsOf(scheme);
    for (auto _ : state) {
        benchmark::DoNotOptimize(fakeQuantizeMatrix(data().view(), scheme, groups, data().table->elementwise,
                                                    data().result.get()));
    }
    finish(state, 8);
}

void fakeQuantizeAndError(benchmark::State& state, const char* text) {
    const Scheme scheme = *parseScheme(text);
    const auto groups = groupsOf(scheme);
    for (auto _ : state) {
        benchmark::DoNotOptimize(fakeQuantizeWithError(data().view(), scheme, groups,
                                                       data().table->elementwise, data().result.get()));
    }
    finish(state, 8);
}

void errorOnly(benchmark::State& state, const char* text) {
    const Scheme scheme = *parseScheme(text);
    const auto groups = groupsOf(scheme);
    for (auto _ : state) {
        benchmark::DoNotOptimize(errorSplitMatrix(data().view(), scheme, groups, data().table->elementwise));
    }
    finish(state, 4);
}

void chooseGroups(benchmark::State& state, const char* text) {
    const Scheme scheme = *parseScheme(text);
    for (auto _ : state) {
        benchmark::DoNotOptimize(chooseGroupParams(data().view(), scheme, data().table->elementwise));
    }
    finish(state, 4);
}

void histogram(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(histogramMatrix(data().view(), -4, 4, static_cast<int>(state.range(0)),
                                                 data().table->elementwise));
    }
    finish(state, 4);
}

}  // namespace
}  // namespace quantscope

int main(int argc, char** argv) {
    using namespace quantscope;
    const auto add = [](const char* name, const auto& function) {
        return benchmark::RegisterBenchmark(name, function)
            ->MeasureProcessCPUTime()
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    };
    add("memcpy", memoryCopy);
    for (const char* text : {"int8/tensor", "int4/channel", "int4/group=64", "int4/group=32"}) {
        const std::string name = std::string("/") + text;
        add(("quantize" + name).c_str(), [text](auto& state) { fakeQuantize(state, text); });
        add(("quantize+error" + name).c_str(), [text](auto& state) { fakeQuantizeAndError(state, text); });
        add(("error" + name).c_str(), [text](auto& state) { errorOnly(state, text); });
        add(("ranges" + name).c_str(), [text](auto& state) { chooseGroups(state, text); });
    }
    add("histogram", histogram)->Arg(256)->Arg(2048);
    benchmark::Initialize(&argc, argv);
    data();  // made before any clock runs
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
