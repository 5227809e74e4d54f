// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm_ladder.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/parallel_for.h"
#include "base/random.h"
#include "kernels/packed_integer.h"

namespace quantscope {
namespace {

constexpr std::string_view kAllCores = " all cores";

/// The formula as it is written.
void naive(const LadderProblem& p, int32_t* y) {
    for (int64_t i = 0; i < p.m; ++i) {
        for (int64_t j = 0; j < p.n; ++j) {
            int32_t sum = 0;
            for (int64_t k = 0; k < p.k; ++k) {
                sum += p.x[static_cast<size_t>(i * p.k + k)] * p.w[static_cast<size_t>(j * p.k + k)];
            }
            y[i * p.n + j] = sum;
        }
    }
}

/// The same sums, in blocks whose operands stay in the first-level cache, four columns at a time so that a
/// code of X is loaded once for four products.
void blocked(const LadderProblem& p, int32_t* y) {
    constexpr int64_t kRows = 32;
    constexpr int64_t kColumns = 32;
    constexpr int64_t kInputs = 512;
    std::fill_n(y, p.m * p.n, 0);
    for (int64_t i0 = 0; i0 < p.m; i0 += kRows) {
        for (int64_t j0 = 0; j0 < p.n; j0 += kColumns) {
            for (int64_t k0 = 0; k0 < p.k; k0 += kInputs) {
                const int64_t inputs = std::min(kInputs, p.k - k0);
                for (int64_t i = i0; i < std::min(p.m, i0 + kRows); ++i) {
                    const int8_t* x = p.x.data() + i * p.k + k0;
                    const int64_t end = std::min(p.n, j0 + kColumns);
                    for (int64_t j = j0; j < end; j += 4) {
                        const int8_t* w[4];
                        for (int64_t c = 0; c < 4; ++c)
                            w[c] = p.w.data() + std::min(j + c, end - 1) * p.k + k0;
                        int32_t sums[4] = {};
                        for (int64_t k = 0; k < inputs; ++k) {
                            for (int64_t c = 0; c < 4; ++c) sums[c] += x[k] * w[c][k];
                        }
                        for (int64_t c = 0; c < std::min<int64_t>(4, end - j); ++c)
                            y[i * p.n + j + c] += sums[c];
                    }
                }
            }
        }
    }
}

/// The packed weight in plain loops: all columns of a panel advance together, the weight is read in one go.
void packedLoops(const LadderProblem& p, int32_t* y) {
    for (int64_t first = 0; first < p.n; first += kPanelColumns) {
        const int8_t* panel = p.packed.data().panel(first / kPanelColumns, p.k);
        const int64_t width = panelWidth(p.n, first / kPanelColumns);
        for (int64_t i = 0; i < p.m; ++i) {
            int32_t sums[kPanelColumns] = {};
            for (int64_t k = 0; k < p.k; k += 4) {
                int16_t x[4] = {};
                for (int64_t t = 0; t < std::min<int64_t>(4, p.k - k); ++t) {
                    const int8_t code = p.x[static_cast<size_t>(i * p.k + k + t)];
                    x[t] = code;
                }
                const int8_t* w = panel + k * width;
                for (int64_t c = 0; c < width; ++c) {
                    sums[c] +=
                        x[0] * w[4 * c] + x[1] * w[4 * c + 1] + x[2] * w[4 * c + 2] + x[3] * w[4 * c + 3];
                }
            }
            std::copy_n(sums, std::min(kPanelColumns, p.n - first), y + i * p.n + first);
        }
    }
}

const KernelTable* tableNamed(std::string_view name) {
    for (const KernelTable* table : kernelTables()) {
        if (table->name == name) return table;
    }
    return nullptr;
}

Status product(const KernelTable& table, const LadderProblem& p, int32_t* y) {
    return multiplyInt8(table, CodeView::of(p.x.data(), p.m, p.k), p.packed, y);
}

std::string sentence(const KernelTable& table) {
    if (table.name == "amx") return "Tiles of 16 x 64 codes, 16,384 products an instruction (TDPBUSD)";
    if (table.name.find("vnni") != std::string_view::npos) {
        return "SIMD that multiplies and adds four pairs of codes a lane in one instruction (VPDPBUSD)";
    }
    return "SIMD on 16-bit words: widen, multiply pairs, add (VPMADDWD)";
}

class OneThread {
 public:
    OneThread() : m_threads(threadCount()) { limitThreadsOfCaller(1); }
    ~OneThread() { limitThreadsOfCaller(m_threads); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

 private:
    int m_threads;
};

}  // namespace

Result<LadderProblem> LadderProblem::create(int64_t m, int64_t n, int64_t k) {
    if (m < 1 || n < 1 || k < 1) {
        return fail(ErrorKind::InvalidArgument, "a product needs sizes of at least 1", "shape");
    }
    LadderProblem problem{m, n, k, {}, {}, {}};
    const auto fill = [](std::vector<int8_t>& codes, int64_t count, uint64_t seed) {
        const CounterRandom random(seed);
        codes.resize(static_cast<size_t>(count));
        for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<int8_t>(random.bits(i) & 0xFF);
    };
    fill(problem.x, m * k, 1);
    fill(problem.w, n * k, 2);
    auto packed = PackedInt8Weights::pack(problem.w.data(), n, k);
    if (!packed) return fail(packed.error());
    problem.packed = std::move(*packed);
    return problem;
}

std::vector<LadderRung> gemmLadder(const CpuFeatures& machine) {
    std::vector<LadderRung> rungs{
        {"naive", "Three loops, as the formula is written"},
        {"blocked", "The same in blocks that stay in the cache, four columns at a time"},
        {"packed", "The weight reordered for the vectors to come: plain loops gain nothing from it yet"}};
    const auto tables = kernelTables();
    for (auto it = tables.rbegin(); it != tables.rend(); ++it) {
        const KernelTable& table = **it;
        if (table.name == "reference" || !machine.covers(table.required)) continue;
        rungs.push_back({std::string(table.name), sentence(table)});
    }
    if (rungs.size() > 3 && availableCores() > 1) {
        rungs.push_back({rungs.back().name + std::string(kAllCores), "The best of them on every core"});
    }
    return rungs;
}

Status runLadderRung(const std::string& name, const LadderProblem& problem, int32_t* y) {
    std::string_view base = name;
    if (base.ends_with(kAllCores)) {
        base.remove_suffix(kAllCores.size());
        if (const KernelTable* table = tableNamed(base)) return product(*table, problem, y);
    } else if (const OneThread alone; name == "naive") {
        naive(problem, y);
        return {};
    } else if (name == "blocked") {
        blocked(problem, y);
        return {};
    } else if (name == "packed") {
        packedLoops(problem, y);
        return {};
    } else if (const KernelTable* table = tableNamed(base)) {
        return product(*table, problem, y);
    }
    return fail(ErrorKind::NotFound, "there is no rung named \"" + name + "\" on the ladder");
}

Result<std::vector<LadderTiming>> measureLadder(const CpuFeatures& machine, const LadderProblem& problem,
                                                int repeats, const Job& job) {
    const std::vector<LadderRung> rungs = gemmLadder(machine);
    std::vector<int32_t> expected(static_cast<size_t>(problem.m * problem.n));
    std::vector<int32_t> y(expected.size());
    naive(problem, expected.data());
    std::vector<LadderTiming> timings;
    for (const LadderRung& rung : rungs) {
        LadderTiming timing{rung, 1e30, 0, false};
        for (int repeat = 0; repeat < std::max(1, repeats); ++repeat) {
            const double done = static_cast<double>(timings.size()) / static_cast<double>(rungs.size());
            if (!job.proceed(done, rung.name)) return fail(ErrorKind::Cancelled, "the ladder was stopped");
            const auto start = std::chrono::steady_clock::now();
            if (auto status = runLadderRung(rung.name, problem, y.data()); !status)
                return fail(status.error());
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
            timing.seconds = std::min(timing.seconds, elapsed.count());
        }
        const double operations =
            2.0 * static_cast<double>(problem.m * problem.n) * static_cast<double>(problem.k);
        timing.gops = operations / timing.seconds / 1e9;
        timing.exact = y == expected;
        timings.push_back(std::move(timing));
    }
    return timings;
}

}  // namespace quantscope
