// SPDX-License-Identifier: Apache-2.0
#include "quant/scheme/scheme.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "quant/estimators/range_estimator.h"
#include "quant/formats/number_format.h"
#include "quant/scheme/scheme_names.h"

namespace quantscope {

size_t Scheme::hash() const {
    size_t result = std::hash<std::string>{}(format);
    const auto mix = [&](auto value) {
        result ^= std::hash<decltype(value)>{}(value) + 0x9E3779B97F4A7C15ULL + (result << 6) + (result >> 2);
    };
    mix(bits);
    for (const bool flag : {isSigned, rangeIncludesZero, zeroPointInside, multiplyByInverse, encodeUnrounded})
        mix(flag);
    mix(static_cast<int>(mapping));
    mix(static_cast<int>(symmetricRange));
    mix(static_cast<int>(zeroPointDomain));
    mix(static_cast<int>(estimator));
    mix(static_cast<int>(rounding));
    mix(static_cast<int>(granularity));
    mix(static_cast<int>(scaleFormat));
    for (const double value : {percentileLow, percentileHigh, momentum, manualLow, manualHigh}) mix(value);
    for (const int64_t value : {groupSize, blockRows, blockCols}) mix(value);
    mix(seed);
    return result;
}

Scheme floatScheme() {
    Scheme scheme;
    scheme.format = "float";
    scheme.bits = 32;
    return scheme;
}

namespace {

Status invalid(std::string message, std::string field, std::string fix) {
    return fail(ErrorKind::InvalidArgument, std::move(message), std::move(field), std::move(fix));
}

Status validateRange(const Scheme& s) {
    if (s.estimator == RangeEstimator::Percentile &&
        !(s.percentileLow >= 0 && s.percentileLow < s.percentileHigh && s.percentileHigh <= 100)) {
        return invalid(fmt::format("percentiles {} and {}", s.percentileLow, s.percentileHigh), "percentile",
                       "choose 0 <= low < high <= 100");
    }
    if (s.estimator == RangeEstimator::MovingAverage && !(s.momentum >= 0 && s.momentum < 1))
        return invalid(fmt::format("momentum {}", s.momentum), "moving-average", "choose 0 <= momentum < 1");
    if (s.estimator == RangeEstimator::Manual) {
        const bool finite =
            std::isfinite(static_cast<float>(s.manualLow)) && std::isfinite(static_cast<float>(s.manualHigh));
        if (!finite || !(s.manualLow < s.manualHigh))
            return invalid(fmt::format("manual range {} to {}", s.manualLow, s.manualHigh), "manual",
                           "choose two finite float32 numbers, low < high");
    }
    return {};
}

}  // namespace

Status validate(const Scheme& s) {
    const NumberFormat* format = findNumberFormat(s.format);
    if (format == nullptr) {
        return invalid(fmt::format("unknown number format '{}'", s.format), "format",
                       "accepted: " + acceptedFormats());
    }
    if (std::find(format->bitChoices.begin(), format->bitChoices.end(), s.bits) == format->bitChoices.end()) {
        return invalid(fmt::format("{} bits for format '{}'", s.bits, s.format), "bits",
                       fmt::format("choose one of {}", fmt::join(format->bitChoices, ", ")));
    }
    if (s.isFloat() && !s.isSigned) return invalid("float has no unsigned form", "signed", "choose signed");
    if (s.isFloat()) return {};
    if (s.granularity == Granularity::Group && s.groupSize < 1)
        return invalid(fmt::format("group size {}", s.groupSize), "group", "choose 1 or more");
    if (s.granularity == Granularity::Block && (s.blockRows < 1 || s.blockCols < 1))
        return invalid(fmt::format("block of {} x {}", s.blockRows, s.blockCols), "block",
                       "choose 1x1 or more");
    return validateRange(s);
}

std::string schemeTitle(const Scheme& s) {
    if (s.isFloat()) return "float";
    std::string title = formatPart(s);
    title += s.mapping == Mapping::Affine ? " affine" : " symmetric";
    if (s.mapping == Mapping::Affine && s.zeroPointDomain != ZeroPointDomain::Integer)
        title += s.zeroPointDomain == ZeroPointDomain::Float ? " (float zero)" : " (minimum)";
    switch (s.granularity) {
        case Granularity::Group:
            title += fmt::format(", group {}", s.groupSize);
            break;
        case Granularity::Block:
            title += fmt::format(", block {} x {}", s.blockRows, s.blockCols);
            break;
        default:
            title += ", per " + std::string(choiceOf(granularityNames(), s.granularity).name);
    }
    if (s.estimator != RangeEstimator::MinMax) title += ", " + infoOf(s.estimator).name;
    if (s.rounding != Rounding::HalfEven)
        title += ", " + std::string(choiceOf(roundingNames(), s.rounding).name);
    return title;
}

}  // namespace quantscope
