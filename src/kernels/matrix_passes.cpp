// SPDX-License-Identifier: Apache-2.0
#include "kernels/matrix_passes.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>
#include <string_view>

#include "base/parallel_for.h"
#include "kernels/matrix_runs.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kGrainElements = int64_t{1} << 18;
/// Results larger than this would not stay in a last-level cache, so they are stored past it.
constexpr int64_t kStreamingElements = int64_t{1} << 23;

tl::unexpected<Error> cancelled() {
    return fail(ErrorKind::Cancelled, "the pass was stopped");
}

/// Counts finished work, tells the job, and remembers that it was stopped.
class Watch {
 public:
    Watch(const Job& job, int64_t units, std::string_view stage)
        : m_job(job), m_units(units), m_stage(stage) {}
    /// Work may go on.
    [[nodiscard]] bool open() const { return !m_stopped; }
    void done(int64_t units) {
        const auto finished = static_cast<double>(m_done += units);
        if (!m_job.proceed(finished / static_cast<double>(m_units), m_stage)) m_stopped = true;
    }

 private:
    const Job& m_job;
    int64_t m_units;
    std::string_view m_stage;
    std::atomic<int64_t> m_done{0};
    std::atomic<bool> m_stopped{false};
};

/// The parameters of all groups in the two forms kernels need.
struct PreparedGroups {
    QuantizeParams shared;
    std::vector<GroupParams> stored;  ///< empty when `given` serves both
    std::span<const GroupParams> given;

    PreparedGroups(const Scheme& scheme, std::span<const GroupParams> groups) : given(groups) {
        shared = quantizeParams(scheme, groups.empty() ? GroupParams{} : groups.front());
        shared.encodeDiffers = false;
        if (scheme.scaleFormat == ScaleFormat::F32) return;
        stored.resize(groups.size());
        parallelFor(static_cast<int64_t>(groups.size()), 1 << 14, [&](int64_t begin, int64_t end) {
            for (auto g = static_cast<size_t>(begin); g < static_cast<size_t>(end); ++g) {
                stored[g] = storedParams(groups[g], scheme);
            }
        });
    }
    [[nodiscard]] GroupRun run(const MatrixRun& r) const {
        if (stored.empty()) return {given.data() + r.group, nullptr, r.groupSize};
        return {stored.data() + r.group, given.data() + r.group, r.groupSize};
    }
    [[nodiscard]] QuantizeParams params(const MatrixRun& r) const {
        QuantizeParams p = shared;
        p.firstElement = static_cast<uint64_t>(r.element);
        return p;
    }
};

/// Calls work(run) for all of the matrix in parallel.
template <class Work>
Status overMatrix(const MatrixView& input, const GroupLayout& layout, std::string_view stage, const Job& job,
                  const Work& work) {
    const MatrixRuns runs(input, layout);
    Watch watch(job, runs.units(), stage);
    parallelFor(runs.units(), runs.grain(kGrainElements), [&](int64_t begin, int64_t end) {
        if (!watch.open()) return;
        runs.over(begin, end, work);
        watch.done(end - begin);
    });
    if (!watch.open()) return cancelled();
    return {};
}

/// The same with a result of each range, merged in order.
template <class T, class Work, class Merge>
Result<T> reduceMatrix(const MatrixView& input, const GroupLayout& layout, std::string_view stage,
                       const Job& job, const Work& work, const Merge& merge) {
    const MatrixRuns runs(input, layout);
    Watch watch(job, runs.units(), stage);
    const T total = parallelReduce<T>(
        runs.units(), runs.grain(kGrainElements),
        [&](int64_t begin, int64_t end) {
            T part{};
            if (!watch.open()) return part;
            runs.over(begin, end, [&](const MatrixRun& run) { merge(part, work(run)); });
            watch.done(end - begin);
            return part;
        },
        merge);
    if (!watch.open()) return cancelled();
    return total;
}

/// A layout without groups of its own: everything is one.
GroupLayout oneGroup(const MatrixView& view) {
    return {view.rows, view.cols, std::max<int64_t>(1, view.rows), std::max<int64_t>(1, view.cols)};
}

GroupLayout layoutOf(const Scheme& scheme, const MatrixView& input, std::span<const GroupParams> groups) {
    const GroupLayout layout = GroupLayout::of(scheme, input.rows, input.cols);
    assert(static_cast<int64_t>(groups.size()) == layout.groupCount());
    (void)groups;
    return layout;
}

void mergeExtremes(Extremes& total, const Extremes& part) {
    if (part.count > 0) {
        total.minimum = total.count > 0 ? std::min(total.minimum, part.minimum) : part.minimum;
        total.maximum = total.count > 0 ? std::max(total.maximum, part.maximum) : part.maximum;
    }
    total.count += part.count;
    total.nanCount += part.nanCount;
    total.infCount += part.infCount;
    total.sum += part.sum;
    total.sumOfSquares += part.sumOfSquares;
}

}  // namespace

Status fakeQuantizeMatrix(const MatrixView& input, const Scheme& scheme, std::span<const GroupParams> groups,
                          const ElementwiseKernels& kernels, float* dst, const Job& job) {
    const PreparedGroups prepared(scheme, groups);
    // Elements that are read anyway are in the cache when they are replaced.
    const bool streaming = input.size() > kStreamingElements && dst != input.data;
    const auto pass = streaming ? kernels.fakeQuantizeGroupsStreaming : kernels.fakeQuantizeGroups;
    return overMatrix(input, layoutOf(scheme, input, groups), "quantize", job, [&](const MatrixRun& run) {
        pass(run.src, dst + run.element, run.count, prepared.run(run), prepared.params(run));
    });
}

Status encodeMatrix(const MatrixView& input, const Scheme& scheme, std::span<const GroupParams> groups,
                    const ElementwiseKernels& kernels, int32_t* dst, const Job& job) {
    const PreparedGroups prepared(scheme, groups);
    return overMatrix(input, layoutOf(scheme, input, groups), "codes", job, [&](const MatrixRun& run) {
        kernels.encodeGroups(run.src, dst + run.element, run.count, prepared.run(run), prepared.params(run));
    });
}

Result<ErrorSplit> errorSplitMatrix(const MatrixView& input, const Scheme& scheme,
                                    std::span<const GroupParams> groups, const ElementwiseKernels& kernels,
                                    const Job& job) {
    const PreparedGroups prepared(scheme, groups);
    return reduceMatrix<ErrorSplit>(
        input, layoutOf(scheme, input, groups), "error", job,
        [&](const MatrixRun& run) {
            return kernels.quantizeErrorGroups(run.src, run.count, prepared.run(run), prepared.params(run));
        },
        [](ErrorSplit& total, const ErrorSplit& part) { total.merge(part); });
}

Result<ErrorSplit> fakeQuantizeWithError(const MatrixView& input, const Scheme& scheme,
                                         std::span<const GroupParams> groups,
                                         const ElementwiseKernels& kernels, float* dst, const Job& job) {
    const PreparedGroups prepared(scheme, groups);
    const bool streaming = input.size() > kStreamingElements && dst != input.data;
    return reduceMatrix<ErrorSplit>(
        input, layoutOf(scheme, input, groups), "quantize", job,
        [&](const MatrixRun& run) {
            return kernels.fakeQuantizeErrorGroups(run.src, dst + run.element, run.count, prepared.run(run),
                                                   prepared.params(run), streaming);
        },
        [](ErrorSplit& total, const ErrorSplit& part) { total.merge(part); });
}

Result<std::vector<uint64_t>> histogramMatrix(const MatrixView& input, float low, float high, int bins,
                                              const ElementwiseKernels& kernels, const Job& job) {
    assert(bins >= 1);
    const MatrixRuns runs(input, oneGroup(input));
    Watch watch(job, runs.units(), "histogram");
    using Counts = std::vector<uint64_t>;
    Counts total = parallelReduce<Counts>(
        runs.units(), runs.grain(kGrainElements),
        [&](int64_t begin, int64_t end) {
            Counts counts(static_cast<size_t>(bins));
            if (!watch.open()) return counts;
            runs.over(begin, end, [&](const MatrixRun& run) {
                kernels.histogram(run.src, run.count, low, high, bins, counts.data());
            });
            watch.done(end - begin);
            return counts;
        },
        [&](Counts& sum, const Counts& part) {
            sum.resize(static_cast<size_t>(bins));
            for (size_t i = 0; i < part.size(); ++i) sum[i] += part[i];
        });
    if (!watch.open()) return cancelled();
    total.resize(static_cast<size_t>(bins));
    return total;
}

Result<Extremes> extremesMatrix(const MatrixView& input, const ElementwiseKernels& kernels, const Job& job) {
    return reduceMatrix<Extremes>(
        input, oneGroup(input), "extremes", job,
        [&](const MatrixRun& run) { return kernels.extremes(run.src, run.count); }, mergeExtremes);
}

}  // namespace quantscope
