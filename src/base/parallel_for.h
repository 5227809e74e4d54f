// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace quantscope {

/// Threads a parallel loop started from this thread will use.
int threadCount();

/// Limits the parallel loops started from the calling thread (and only those) to `threads` >= 1. Measurements
/// of one core set it; everything else uses them all.
void limitThreadsOfCaller(int threads);

/// Cores the process may run on.
int availableCores();

/// Calls body(begin, end) on consecutive ranges of at most `grain` >= 1 items that cover [0, count), in any
/// order and on any thread. Ranges depend on `count` and `grain` alone, never on the number of threads. The
/// only place that names OpenMP. An exception of `body`, on whatever thread, ends the loop: ranges not yet
/// begun are left out, those that run come to their end, and the first exception is thrown on to the caller.
/// The next loop works as before.
void parallelFor(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

/// map(begin, end) on each range, results merged left to right in the order of the ranges, so that
/// floating-point sums are the same for 1, 2 or 8 threads. T needs a default constructor and merge(T&, const
/// T&).
template <class T, class Map, class Merge>
T parallelReduce(int64_t count, int64_t grain, const Map& map, const Merge& merge) {
    const int64_t ranges = count <= 0 ? 0 : (count + grain - 1) / grain;
    std::vector<T> parts(static_cast<size_t>(ranges));
    parallelFor(count, grain, [&](int64_t begin, int64_t end) {
        parts[static_cast<size_t>(begin / grain)] = map(begin, end);
    });
    T total{};
    for (const T& part : parts) merge(total, part);
    return total;
}

}  // namespace quantscope
