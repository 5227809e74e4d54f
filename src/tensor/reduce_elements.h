// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/job.h"
#include "base/parallel_for.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Elements a thread works on between two looks at the job: about a megabyte of floats.
constexpr int64_t kElementGrain = int64_t{1} << 18;

/// Calls run(span, firstIndex) on the consecutive pieces of the elements [begin, end), counted row by row.
template <class Run>
void forEachRun(const MatrixView& matrix, int64_t begin, int64_t end, const Run& run) {
    if (matrix.contiguous()) {
        run(std::span<const float>(matrix.data + begin, static_cast<size_t>(end - begin)), begin);
        return;
    }
    while (begin < end) {
        const int64_t row = begin / matrix.cols;
        const int64_t col = begin % matrix.cols;
        const int64_t count = std::min(end - begin, matrix.cols - col);
        run(std::span<const float>(matrix.row(row) + col, static_cast<size_t>(count)), begin);
        begin += count;
    }
}

/// add(T& part, span, firstIndex) over all elements, in parallel; parts are merged (T::merge) in the order of
/// the elements, so the result does not depend on the number of threads. Error: Cancelled.
template <class T, class Add>
Result<T> reduceElements(const MatrixView& matrix, const Job& job, std::string_view stage, const Add& add) {
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    const int64_t size = matrix.size();
    const auto map = [&](int64_t begin, int64_t end) {
        T part{};
        if (stopped.load(std::memory_order_relaxed)) return part;
        forEachRun(matrix, begin, end,
                   [&](std::span<const float> values, int64_t first) { add(part, values, first); });
        const int64_t now = done.fetch_add(end - begin) + end - begin;
        if (!job.proceed(static_cast<double>(now) / static_cast<double>(size), stage)) stopped = true;
        return part;
    };
    T total = parallelReduce<T>(size, kElementGrain, map, [](T& to, const T& from) { to.merge(from); });
    if (stopped) return fail(ErrorKind::Cancelled, "stopped");
    return total;
}

}  // namespace quantscope
