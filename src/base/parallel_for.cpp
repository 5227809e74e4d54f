// SPDX-License-Identifier: Apache-2.0
#include "base/parallel_for.h"

#include <omp.h>

#include <algorithm>
#include <cassert>

namespace quantscope {

int threadCount() {
    return omp_get_max_threads();
}

void limitThreadsOfCaller(int threads) {
    omp_set_num_threads(std::max(1, threads));
}

int availableCores() {
    return std::max(1, omp_get_num_procs());
}

void parallelFor(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
    assert(grain >= 1);
    if (count <= 0) return;
    const int64_t ranges = (count + grain - 1) / grain;
    const auto run = [&](int64_t range) { body(range * grain, std::min(count, (range + 1) * grain)); };
    // A single range, one thread, or a loop inside a loop: waking a team would only cost time.
    if (ranges == 1 || omp_in_parallel() != 0 || omp_get_max_threads() == 1) {
        for (int64_t range = 0; range < ranges; ++range) run(range);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t range = 0; range < ranges; ++range) run(range);
}

}  // namespace quantscope
