// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/product/product.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"

namespace quantscope {

/// One way to compute sum a b of the whole product.
struct KernelTiming {
    std::string name;    ///< "naive loops", "reference", "avx512vnni", ...
    std::string reason;  ///< why it was not measured; empty when it was
    double seconds = 0;  ///< the fastest of several runs
    double gops = 0;     ///< 2 m n K operations a second / 1e9
    double shareOfPeak = 0;
    int64_t rowsMeasured = 0;  ///< slow kernels get fewer rows
    bool isChosen = false;     ///< what this machine uses
    bool isDevice = false;     ///< a GPU: `seconds` are its own clock's, without transfers
    double secondsWithTransfer = 0;
    double wrongShare = 0;  ///< sums that differ from the exact ones (the 16-bit kernel saturates)
    double saturatedShare = 0;
};

/// The terms of sum (a - Z_A)(b - Z_B), timed apart on the chosen kernel.
struct TermTiming {
    double sums = 0;          ///< sum a b
    double xSums = 0;         ///< sum a, whatever the weights' zero points: online
    double wSums = 0;         ///< sum b: offline, folded into the bias
    double folded = 0;        ///< Z_B sum a and the folded bias into every sum
    double online = 0;        ///< the same when sum b is computed with every product
    double dynamicRange = 0;  ///< finding X's range and encoding it
    double staticRange = 0;   ///< encoding it with a range known beforehand
};

struct PackingCost {
    int bits = 0;
    double packRate = 0;  ///< codes a second
    double unpackRate = 0;
    double share = 0;  ///< of (unpacking W + product): what unpacking W for every product would take
};

/// A float X and packed weights: what moves and what it takes.
struct WeightOnlyCost {
    int bits = 0;
    double packedBytes = 0;      ///< codes and scales
    double floatBytes = 0;       ///< the dequantized weight in float32
    double bytesOnTheFly = 0;    ///< read once, packed
    double bytesEverything = 0;  ///< read packed, write float, read float
    double secondsOnTheFly = 0;  ///< one token
    double secondsEverything = 0;
};

/// A product on the roofline plot.
struct RooflinePoint {
    std::string label;
    double opsPerByte = 0;
    double gops = 0;
};

/// What the product costs on this machine, measured.
struct ProductCosts {
    int64_t rows = 0;
    int64_t channels = 0;
    int64_t depth = 0;
    int threads = 1;
    std::vector<KernelTiming> kernels;
    TermTiming terms;
    std::vector<PackingCost> packing;
    WeightOnlyCost weightOnly;
    double peakGops = 0;      ///< multiply-adds of the chosen kernel with operands in registers
    double bandwidthGbs = 0;  ///< reading memory, GB/s
    std::vector<RooflinePoint> points;
};

/// Measures; a few seconds on a layer. The product must be an integer one (InvalidArgument otherwise). Every
/// kernel's sums are compared with the product's before they are timed: a kernel that is wrong is Internal.
/// Errors: Cancelled.
Result<ProductCosts> measureCosts(const QuantizedProduct& product, const ProductInput& input,
                                  const KernelTable& chosen, const Job& job);

}  // namespace quantscope
