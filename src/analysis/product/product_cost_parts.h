// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <limits>
#include <vector>

#include "analysis/product/product_costs.h"

namespace quantscope::costs {

/// Seconds of the fastest run: at least three, until they took about 30 ms together.
template <class Work>
double fastest(const Work& work) {
    using Clock = std::chrono::steady_clock;
    double best = std::numeric_limits<double>::infinity();
    double total = 0;
    for (int run = 0; run < 3 || (total < 0.03 && run < 1000); ++run) {
        const auto start = Clock::now();
        work();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        best = seconds < best ? seconds : best;
        total += seconds;
        if (total > 0.3) break;  // a slow loop has said enough
    }
    return best > 0 ? best : 1e-9;
}

/// The chosen table's multiply-adds with all operands in registers, on every thread.
double peakGops(const KernelTable& chosen);

/// Reading 128 MiB once, all threads.
double bandwidthGbs();

/// Everything but `sums`.
TermTiming termTiming(const QuantizedProduct& product, const ProductInput& input, const KernelTable& kernels);

/// Of the kernel this machine uses.
double secondsOfChosen(const ProductCosts& costs);

/// 2 to 8 bits; the share is that of unpacking `weights` codes beside a product of `productSeconds`.
std::vector<PackingCost> packingCosts(int64_t weights, double productSeconds);

/// The weight in 4 bits with a scale for 64 inputs (or a channel), times one row of X.
Result<WeightOnlyCost> weightOnlyCost(const ProductInput& input, const KernelTable& kernels);

}  // namespace quantscope::costs
