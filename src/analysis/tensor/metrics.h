// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "quant/passes/error_split.h"

namespace quantscope {

/// Counts of each code codeMin .. codeMin + counts.size() - 1.
struct CodeHistogram {
    int32_t codeMin = 0;
    std::vector<uint64_t> counts;
    void merge(const CodeHistogram& other);  ///< same range (asserted); an empty one takes over the other
    bool operator==(const CodeHistogram&) const = default;
};

/// Quality of a quantization r -> r^ over n elements, every number from exact sums. SQNR alone has four
/// meanings in use; what is meant here is said by each member and by tensorMetricInfos().
struct Metrics {
    double mse = 0;          ///< sum (r - r^)^2 / n
    double clippingMse = 0;  ///< the part of clipped elements; clippingMse + roundingMse == mse
    double roundingMse = 0;
    double rmse = 0;  ///< sqrt(mse)
    double sqnrDb =
        0;  ///< 10 log10(sum r^2 / sum (r - r^)^2), one ratio over all elements; +inf without error
    double maxAbs = 0;             ///< max |r - r^|
    double cosine = 1;             ///< sum r r^ / sqrt(sum r^2 sum r^^2); 1 when both are zero, 0 when one is
    double relativeFrobenius = 0;  ///< ||R - R^||_F / ||R||_F; 0 for 0/0
    double clippedShare = 0;       ///< elements outside the representable range / n; NaN without a range
    double codeUse = 1;            ///< codes that occur / codes there are; 1 for float, NaN without codes
    double codeEntropyBits = 0;    ///< -sum p log2 p over codes; NaN without codes
    double bitsPerWeight = 32;     ///< all overhead included
};

/// Without code statistics and bits per weight (they keep their defaults).
Metrics metricsOf(const ErrorSplit& split);
/// With them.
Metrics metricsOf(const ErrorSplit& split, const CodeHistogram& codes, double bitsPerWeight);
/// Of a stored weight without codes and range: all of its error counts as rounding.
Metrics metricsWithoutCodes(const ErrorSplit& split, double bitsPerWeight);

/// Key, label, unit and formula of every member of Metrics, in table order: one place for table headers,
/// tooltips and exports.
struct TensorMetricInfo {
    std::string key;    ///< "sqnrDb"
    std::string label;  ///< "SQNR"
    std::string unit;   ///< "dB", "", "%"
    std::string help;   ///< formula
    double Metrics::*member = nullptr;
    bool largerIsBetter = false;
};
std::span<const TensorMetricInfo> tensorMetricInfos();

}  // namespace quantscope
