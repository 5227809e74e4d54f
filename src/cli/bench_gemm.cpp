// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

#include "analysis/product/cuda_timing.h"
#include "base/parallel_for.h"
#include "base/random.h"
#include "cli/gemm_peer.h"
#include "cli/output.h"
#include "kernels/gemm_ladder.h"
#include "kernels/integer_gemm.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

/// Seconds a call: as many calls as fill two milliseconds. Before them a pause, so that the other library's
/// waiting threads have gone to sleep (GCC's OpenMP spins for some 17 ms), and a call that wakes our own.
double timeOnce(int calls, const std::function<void()>& work) {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    work();
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) work();
    return secondsSince(start) / calls;
}

int callsFor(const std::function<void()>& work) {
    work();
    const auto start = Clock::now();
    work();
    return std::clamp(static_cast<int>(2e-3 / std::max(1e-9, secondsSince(start))), 1, 2000);
}

/// What all cores together reach with operands in registers.
double peakGops(const KernelTable& kernels) {
    const int64_t threads = threadCount();
    std::vector<double> rates(static_cast<size_t>(threads));
    parallelFor(threads, 1, [&](int64_t begin, int64_t) {
        constexpr int64_t kSteps = 50000;
        const auto start = Clock::now();
        const auto operations = static_cast<double>(kernels.integer.peakLoop(kSteps));
        rates[static_cast<size_t>(begin)] = operations / secondsSince(start) / 1e9;
    });
    double sum = 0;
    for (const double rate : rates) sum += rate;
    return sum;
}

/// Read bandwidth of all cores over more memory than the caches hold.
double readGigabytesPerSecond() {
    const std::vector<uint64_t> memory(size_t{1} << 25, 1);  // 256 MB
    std::vector<double> rates;
    for (int repeat = 0; repeat < 3; ++repeat) {
        const auto start = Clock::now();
        parallelFor(static_cast<int64_t>(memory.size()), int64_t{1} << 20, [&](int64_t begin, int64_t end) {
            uint64_t sums[8] = {};
            for (int64_t i = begin; i < end; i += 8) {
                for (int64_t j = 0; j < 8; ++j) sums[j] ^= memory[static_cast<size_t>(i + j)];
            }
            volatile uint64_t sink = 0;
            for (const uint64_t sum : sums) sink = sink ^ sum;
        });
        rates.push_back(static_cast<double>(memory.size() * 8) / secondsSince(start) / 1e9);
    }
    return *std::max_element(rates.begin(), rates.end());
}

struct GemmShape {
    int64_t m, n, k;
};

template <class T>
std::vector<T> randomCodes(int64_t count, uint64_t seed, uint64_t mask) {
    const CounterRandom random(seed);
    std::vector<T> codes(static_cast<size_t>(count));
    for (size_t i = 0; i < codes.size(); i += 8) {
        uint64_t eight = random.bits(i) & mask;
        std::memcpy(codes.data() + i, &eight, std::min<size_t>(8, codes.size() - i));
    }
    return codes;
}

OrderedJson machineJson(const KernelTable& kernels) {
    const KernelReport report = reportKernels(detectCpuFeatures(), kernels);
    OrderedJson accelerators = OrderedJson::array();
    for (const KernelReport::Accelerator& a : report.accelerators)
        accelerators.push_back({{"name", a.name}, {"runs", a.runs}, {"reason", a.reason}});
    OrderedJson tables = OrderedJson::array();
    for (const KernelReport::Row& row : report.tables) {
        tables.push_back({{"name", std::string(row.name)},
                          {"runs", row.runs},
                          {"chosen", row.chosen},
                          {"reason", row.reason}});
    }
    return {{"cpu", cpuName()},
            {"features", describe(detectCpuFeatures())},
            {"threads", threadCount()},
            {"tables", std::move(tables)},
            {"accelerators", std::move(accelerators)}};
}

struct GemmResult {
    GemmShape shape;
    bool isSigned = true;
    double ours = 0;  ///< GOPS, medians
    double peer = 0;
    double peak = 0;
    double oursBest = 0;  ///< of the fastest repetition: what a busy machine spoils least
    double peerBest = 0;
    bool equal = true;
    std::vector<CudaProductTiming> devices{};

    [[nodiscard]] double operations() const {
        return 2.0 * static_cast<double>(shape.m * shape.n) * static_cast<double>(shape.k);
    }
    [[nodiscard]] double ratio() const { return peer > 0 ? ours / peer : 0; }
};

Result<GemmResult> measure(const KernelTable& kernels, const GemmShape& shape, bool isSigned, int repeats) {
    const auto x = randomCodes<uint8_t>(shape.m * shape.k, 1, ~uint64_t{0});
    const auto w = randomCodes<int8_t>(shape.n * shape.k, 2, ~uint64_t{0});
    std::vector<int32_t> y(static_cast<size_t>(shape.m * shape.n));
    std::vector<int32_t> peerY(y.size());
    const CodeView codes{x.data(), isSigned, shape.m, shape.k, shape.k};
    const auto packed = PackedInt8Weights::pack(w.data(), shape.n, shape.k);
    if (!packed) return fail(packed.error());
    if (auto status = multiplyInt8(kernels, codes, *packed, y.data()); !status) return fail(status.error());
    const std::function<void()> ours = [&] { (void)multiplyInt8(kernels, codes, *packed, y.data()); };
    auto peer = GemmPeer::create(codes, w.data(), shape.n, peerY.data());
    if (!peer && peer.error().kind != ErrorKind::Unsupported) return fail(peer.error());
    const std::function<void()> theirs = [&] { peer->run(); };
    const int calls = callsFor(ours);
    const int peerCalls = peer ? callsFor(theirs) : 0;
    std::vector<double> ourSeconds, peerSeconds, peaks;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        ourSeconds.push_back(timeOnce(calls, ours));
        if (peer) peerSeconds.push_back(timeOnce(peerCalls, theirs));
        peaks.push_back(peakGops(kernels));
    }
    const double operations = 2.0 * static_cast<double>(shape.m * shape.n) * static_cast<double>(shape.k);
    GemmResult result{shape, isSigned, operations / median(ourSeconds) / 1e9, 0, median(peaks)};
    result.oursBest = operations / *std::min_element(ourSeconds.begin(), ourSeconds.end()) / 1e9;
    if (peer) {
        result.peer = operations / median(peerSeconds) / 1e9;
        result.peerBest = operations / *std::min_element(peerSeconds.begin(), peerSeconds.end()) / 1e9;
        result.equal = y == peerY;
    }
    if (auto devices = timeOnCuda(codes, w.data(), shape.n, y)) result.devices = std::move(*devices);
    return result;
}

OrderedJson devicesJson(const GemmResult& r) {
    OrderedJson devices = OrderedJson::array();
    for (const CudaProductTiming& d : r.devices) {
        const auto rate = [&](double seconds) {
            return d.error ? OrderedJson() : OrderedJson(r.operations() / seconds / 1e9);
        };
        devices.push_back({{"name", d.device.name},
                           {"gops", rate(d.seconds)},
                           {"gops_with_transfer", rate(d.secondsWithTransfer)},
                           {"error", d.error ? OrderedJson(describe(*d.error)) : OrderedJson()}});
    }
    return devices;
}

/// GPUs beside the table, or why there is none.
void printDevices(const std::vector<GemmResult>& results) {
    if (const auto devices = listCudaDevices(); !devices) {
        fmt::print("{}\n", describe(devices.error()));
        return;
    }
    std::vector<std::vector<std::string>> table = {{"m x n x k", "type", "GPU", "GOPS", "with transfer"}};
    for (const GemmResult& r : results) {
        for (const CudaProductTiming& d : r.devices) {
            const auto rate = [&](double seconds) {
                return d.error ? std::string("-") : fmt::format("{:.0f}", r.operations() / seconds / 1e9);
            };
            table.push_back({fmt::format("{} x {} x {}", r.shape.m, r.shape.n, r.shape.k),
                             r.isSigned ? "s8s8" : "u8s8",
                             d.error ? d.device.name + ": " + d.error->message : d.device.name,
                             rate(d.seconds), rate(d.secondsWithTransfer)});
        }
    }
    printTable(table);
}

void printGemm(const KernelTable& kernels, const std::vector<GemmResult>& results, bool json) {
    OrderedJson rows = OrderedJson::array();
    std::vector<std::vector<std::string>> table = {
        {"m x n x k", "type", "ours GOPS", "oneDNN GOPS", "ratio", "% of peak", "equal"}};
    double logSum = 0;
    double worst = 1e30;
    double peak = 0;
    for (const GemmResult& r : results) {
        const char* type = r.isSigned ? "s8s8" : "u8s8";
        rows.push_back({{"m", r.shape.m},
                        {"n", r.shape.n},
                        {"k", r.shape.k},
                        {"type", type},
                        {"ours_gops", r.ours},
                        {"onednn_gops", r.peer > 0 ? OrderedJson(r.peer) : OrderedJson()},
                        {"ours_best_gops", r.oursBest},
                        {"onednn_best_gops", r.peer > 0 ? OrderedJson(r.peerBest) : OrderedJson()},
                        {"peak_gops", r.peak},
                        {"equal", r.equal},
                        {"devices", devicesJson(r)}});
        table.push_back({fmt::format("{} x {} x {}", r.shape.m, r.shape.n, r.shape.k), type,
                         fmt::format("{:.0f}", r.ours), fmt::format("{:.0f}", r.peer),
                         fmt::format("{:.2f}", r.ratio()), fmt::format("{:.0f}", 100 * r.ours / r.peak),
                         r.equal ? "yes" : "NO"});
        logSum += std::log(std::max(1e-9, r.ratio()));
        worst = std::min(worst, r.ratio());
        peak = std::max(peak, r.peak);
    }
    const double mean = std::exp(logSum / static_cast<double>(std::max<size_t>(1, results.size())));
    if (json) {
        const bool compared = !GemmPeer::name().empty();
        printJson({{"name", "gemm"},
                   {"machine", machineJson(kernels)},
                   {"kernels", std::string(kernels.name)},
                   {"peer", std::string(GemmPeer::name())},
                   {"peak_gops", peak},
                   {"geometric_mean_ratio", compared ? OrderedJson(mean) : OrderedJson()},
                   {"worst_ratio", compared ? OrderedJson(worst) : OrderedJson()},
                   {"results", std::move(rows)}});
        return;
    }
    printTable(table);
    fmt::print("{} kernels beside {}: geometric mean {:.2f}, worst {:.2f}; peak {:.0f} GOPS\n", kernels.name,
               GemmPeer::name(), mean, worst, peak);
    printDevices(results);
}

}  // namespace

Status benchGemm(const KernelTable& kernels, const GemmBenchOptions& options) {
    constexpr std::array<std::pair<int64_t, int64_t>, 6> kWeights = {
        {{576, 576}, {1536, 576}, {576, 1536}, {2048, 2048}, {4096, 4096}, {49152, 576}}};
    std::vector<GemmResult> results;
    for (const int64_t m : {1, 16, 128, 512}) {
        for (const auto& [n, k] : kWeights) {
            for (const bool isSigned : {true, false}) {
                auto result = measure(kernels, {m, n, k}, isSigned, options.repeats);
                if (!result) return fail(result.error());
                results.push_back(*result);
            }
        }
    }
    printGemm(kernels, results, options.json);
    return {};
}

Status benchInt4(const KernelTable& kernels, const GemmBenchOptions& options) {
    const double bandwidth = readGigabytesPerSecond();
    OrderedJson rows = OrderedJson::array();
    std::vector<std::vector<std::string>> table = {
        {"n x k, group 64", "type", "microseconds", "bytes", "GB/s", "% of memory"}};
    for (const GemmShape& shape :
         {GemmShape{1, 576, 576}, {1, 1536, 576}, {1, 4096, 4096}, {1, 49152, 576}, {1, 16384, 8192}}) {
        const auto codes = randomCodes<uint8_t>(shape.n * shape.k, 3, 0x0F0F0F0F0F0F0F0FULL);
        const std::vector<float> scales(static_cast<size_t>(shape.n * ((shape.k + 63) / 64)), 0.01F);
        const auto packed =
            PackedInt4Weights::pack({codes.data(), shape.n, shape.k, 64, scales.data(), nullptr});
        if (!packed) return fail(packed.error());
        const std::vector<float> x(static_cast<size_t>(shape.k), 0.5F);
        const std::vector<int8_t> x8(static_cast<size_t>(shape.k), 3);
        const float rowScale = 0.1F;
        std::vector<float> y(static_cast<size_t>(shape.n));
        const MatrixView floats{x.data(), 1, shape.k, shape.k};
        const CodeView bytes = CodeView::of(x8.data(), 1, shape.k);
        for (const bool integer : {false, true}) {
            const std::function<void()> work = [&] {
                (void)(integer ? multiplyInt4(kernels, bytes, &rowScale, *packed, y.data())
                               : multiplyInt4(kernels, floats, *packed, y.data()));
            };
            const int calls = callsFor(work);
            std::vector<double> seconds;
            seconds.reserve(static_cast<size_t>(std::max(0, options.repeats)));
            for (int repeat = 0; repeat < options.repeats; ++repeat) seconds.push_back(timeOnce(calls, work));
            const auto moved = static_cast<double>(packed->bytes());
            const double rate = moved / median(seconds) / 1e9;
            const char* type = integer ? "w4a8" : "w4a16";
            rows.push_back({{"m", 1},
                            {"n", shape.n},
                            {"k", shape.k},
                            {"group", 64},
                            {"type", type},
                            {"seconds", median(seconds)},
                            {"bytes", packed->bytes()},
                            {"gigabytes_per_second", rate},
                            {"share_of_memory", rate / bandwidth}});
            table.push_back({fmt::format("{} x {}", shape.n, shape.k), type,
                             fmt::format("{:.1f}", 1e6 * median(seconds)), withThousands(packed->bytes()),
                             fmt::format("{:.1f}", rate), fmt::format("{:.0f}", 100 * rate / bandwidth)});
        }
    }
    if (options.json) {
        printJson({{"name", "int4"},
                   {"machine", machineJson(kernels)},
                   {"kernels", std::string(kernels.name)},
                   {"read_gigabytes_per_second", bandwidth},
                   {"results", std::move(rows)}});
    } else {
        printTable(table);
        fmt::print("memory is read at {:.1f} GB/s; smaller weights stay in the caches\n", bandwidth);
    }
    return {};
}

Status benchLadder(const KernelTable& kernels, const GemmBenchOptions& options) {
    const auto problem = LadderProblem::create(128, 576, 576);
    if (!problem) return fail(problem.error());
    const auto timings = measureLadder(detectCpuFeatures(), *problem, options.repeats, {});
    if (!timings) return fail(timings.error());
    OrderedJson rows = OrderedJson::array();
    std::vector<std::vector<std::string>> table = {{"rung", "ms", "GOPS", "exact"}};
    for (const LadderTiming& t : *timings) {
        rows.push_back({{"rung", t.rung.name},
                        {"description", t.rung.description},
                        {"seconds", t.seconds},
                        {"gops", t.gops},
                        {"exact", t.exact}});
        table.push_back({t.rung.name, fmt::format("{:.3f}", 1e3 * t.seconds), fmt::format("{:.1f}", t.gops),
                         t.exact ? "yes" : "NO"});
    }
    if (options.json) {
        printJson({{"name", "ladder"},
                   {"machine", machineJson(kernels)},
                   {"m", problem->m},
                   {"n", problem->n},
                   {"k", problem->k},
                   {"results", std::move(rows)}});
    } else {
        printTable(table);
    }
    return {};
}

}  // namespace quantscope
