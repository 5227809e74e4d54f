// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantscope {

/// How a metric's number is written. `digits` is MetricInfo::digits.
enum class MetricFormat {
    Fixed,            ///< `digits` decimals
    FixedOrOne,       ///< the same, and exactly 1 as "1"
    Scientific,       ///< `digits` decimals and an exponent
    Significant,      ///< `digits` significant digits, an exponent only below 1e-4 and from 1e6
    Percent,          ///< of a share: `digits` decimals of 100 times it; exactly 0 and 1 without decimals
    Count,            ///< a whole number
    MebiBytes,        ///< of a number of bytes: `digits` decimals, none from 100 MiB
    WithError,        ///< "23.61 ± 0.42": `digits` significant digits, two of the error
    SignedWithError,  ///< "+0.0123 ± 0.0011": `digits` decimals; exactly 0 ± 0 as "0"
    Pair,             ///< "8 · 4": two whole numbers
};

/// A column of numbers about variants: what it says, how it is computed, how it is written.
struct MetricInfo {
    std::string id;       ///< "sqnr_db": what results and JSON call it
    std::string label;    ///< the column's head
    std::string formula;  ///< the column's tooltip
    MetricFormat format = MetricFormat::Significant;
    int digits = 4;
    int givesWay = 0;          ///< 0 stays in every window, 1 leaves a narrow one first, 2 next, ...
    bool approximate = false;  ///< in a preview it is estimated from the sample and carries a "~"
};

/// A number of a variant. `second` is the standard error or the second of a pair, by the metric's format.
struct MetricValue {
    double value = std::numeric_limits<double>::quiet_NaN();
    double second = std::numeric_limits<double>::quiet_NaN();
};

using MetricValues = std::map<std::string, MetricValue, std::less<>>;  ///< by id; absent = not known

/// Every metric of the program's labs, in one table. A lab that comes from elsewhere brings its own.
std::span<const MetricInfo> metricInfos();
/// Some of them, in this order. An id that is not in the table is a programming error.
std::vector<MetricInfo> metricsNamed(std::initializer_list<std::string_view> ids);

/// The number as window and command line print it; "–" where it is not known (absent or NaN).
std::string metricText(const MetricInfo& info, const MetricValues& values, bool approximate = false);

}  // namespace quantscope
