// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/elementwise_kernels.h"
#include "quant/passes/reference.h"

/// What the elementwise passes are held against: quant's scalar functions, one value at a time.
namespace quantscope::test {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Values around ties, limits and specials, then random ones.
inline std::vector<float> testValues(size_t count, float spread, bool specials) {
    static constexpr float kFirst[] = {0.0F, -0.0F, 0.5F,        -0.5F,  1.5F,
                                       2.5F, -2.5F, 0.49999997F, 1e-10F, -1e-10F};
    static constexpr float kSpecial[] = {kNan, kInf, -kInf, 1e-42F, -1e-42F, 3.4e38F, -3.4e38F, 8388609.0F};
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        values[i] = normal(random);
        if (i % 3 == 0) values[i] = kFirst[(i / 3) % std::size(kFirst)] * 0.05F;
        if (specials && i % 5 == 1) values[i] = kSpecial[(i / 5) % std::size(kSpecial)];
    }
    return values;
}

inline bool sameBits(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

inline bool close(double a, double b, double magnitude) {
    if (std::isinf(a) || std::isinf(b) || std::isnan(a) || std::isnan(b)) {
        return a == b || (std::isnan(a) && std::isnan(b));
    }
    return std::abs(a - b) <= 1e-12 * magnitude;
}

inline std::string difference(const ErrorSplit& a, const ErrorSplit& b) {
    const double all = b.signalSse + b.outputSse + b.totalSse();
    if (a.count != b.count) return "count";
    if (a.clippedCount != b.clippedCount) return "clippedCount";
    if (a.maxAbs != b.maxAbs) return "maxAbs";
    if (!close(a.clippingSse, b.clippingSse, b.clippingSse)) return "clippingSse";
    if (!close(a.roundingSse, b.roundingSse, b.roundingSse)) return "roundingSse";
    if (!close(a.signalSse, b.signalSse, b.signalSse)) return "signalSse";
    if (!close(a.outputSse, b.outputSse, b.outputSse)) return "outputSse";
    if (!close(a.dotProduct, b.dotProduct, all)) return "dotProduct";
    return {};
}

/// All passes of one table against quant's scalar functions; empty when they agree.
inline std::string compareOne(const ElementwiseKernels& k, const std::vector<float>& src,
                              const QuantizeParams& p) {
    const auto count = static_cast<int64_t>(src.size());
    std::vector<float> fake(src.size() + 1, 77.0F);
    std::vector<float> decoded(src.size());
    std::vector<int32_t> codes(src.size() + 1, 77);
    k.fakeQuantize(src.data(), fake.data(), count, p);
    k.encode(src.data(), codes.data(), count, p);
    k.decode(codes.data(), decoded.data(), count, p);
    for (size_t i = 0; i < src.size(); ++i) {
        const int32_t code = quantizeValue(src[i], p, p.firstElement + i);
        const float value = dequantizeValue(code, p);
        const std::string where = " at " + std::to_string(i) + " of " + std::to_string(src.size()) +
                                  ", value " + std::to_string(src[i]) + ", code " + std::to_string(code);
        if (codes[i] != code) return "code " + std::to_string(codes[i]) + where;
        if (!sameBits(fake[i], value)) return "fake " + std::to_string(fake[i]) + where;
        if (!sameBits(decoded[i], value)) return "decoded " + std::to_string(decoded[i]) + where;
    }
    if (fake.back() != 77.0F || codes.back() != 77) return "wrote past the end of " + std::to_string(count);
    const std::string wrong = difference(k.quantizeError(src.data(), count, p), splitError(src, p));
    return wrong.empty() ? wrong : wrong + " of " + std::to_string(count) + " elements";
}

inline QuantizeParams paramsOf(const char* scheme, float low, float high) {
    const auto parsed = parseScheme(scheme);
    return parsed ? quantizeParams(*parsed, paramsFromRange(low, high, *parsed)) : QuantizeParams{};
}

/// Everything measureGroups gives for one run, counters added up.
struct Measured {
    std::vector<ErrorSplit> groups, columns;
    std::vector<uint64_t> codes, values, errors;

    [[nodiscard]] std::string differenceTo(const Measured& other) const {
        for (size_t i = 0; i < groups.size(); ++i)
            if (const std::string wrong = difference(groups[i], other.groups[i]); !wrong.empty())
                return "group " + std::to_string(i) + ": " + wrong;
        for (size_t i = 0; i < columns.size(); ++i)
            if (const std::string wrong = difference(columns[i], other.columns[i]); !wrong.empty())
                return "column " + std::to_string(i) + ": " + wrong;
        if (codes != other.codes) return "codes";
        if (values != other.values) return "histogram of values";
        return errors != other.errors ? "histogram of errors" : std::string();
    }
};

constexpr int kMeasureBins = 30;
constexpr float kMeasureLow = -0.4F;
constexpr float kMeasurePerUnit = kMeasureBins / 0.9F;

/// Adds up sets of counters; the last counter of a set is left out.
inline std::vector<uint64_t> addedUp(const std::vector<uint32_t>& counters, size_t each, size_t kept) {
    std::vector<uint64_t> sums(kept);
    for (size_t i = 0; i < counters.size(); ++i)
        if (i % each < kept) sums[i % each] += counters[i];
    return sums;
}

inline Measured measureWith(const ElementwiseKernels& k, const std::vector<float>& src, const GroupRun& run,
                            const QuantizeParams& p, bool sets) {
    const auto codes = static_cast<size_t>(p.codeMax - p.codeMin + 1);
    const size_t padded = src.size() + ColumnSinks::kPadding;
    const size_t copies = sets ? Counters::kSets : 1;
    std::vector<double> signal(padded), output(padded), sse(padded), clipping(padded);
    std::vector<float> maxAbs(padded);
    std::vector<int64_t> clipped(padded);
    std::vector<uint32_t> codeCounts(copies * codes), values(copies * (kMeasureBins + 1)), errors(values);
    Measured result;
    result.groups.resize((src.size() + static_cast<size_t>(run.groupSize) - 1) /
                         static_cast<size_t>(run.groupSize));
    const int64_t stride = sets ? kMeasureBins + 1 : 0;
    MeasureSinks sinks;
    sinks.groups = result.groups.data();
    sinks.columns = {signal.data(),   output.data(), sse.data(),
                     clipping.data(), maxAbs.data(), clipped.data()};
    sinks.codes = {codeCounts.data(), sets ? static_cast<int64_t>(codes) : 0};
    sinks.values = {{values.data(), stride}, kMeasureLow, kMeasurePerUnit, kMeasureBins};
    sinks.errors = {{errors.data(), stride}, kMeasureLow, kMeasurePerUnit, kMeasureBins};
    k.measureGroups(src.data(), static_cast<int64_t>(src.size()), run, p, sinks);
    for (size_t i = 0; i < src.size(); ++i)
        result.columns.push_back(
            {1, clipped[i], clipping[i], sse[i] - clipping[i], maxAbs[i], signal[i], 0, output[i]});
    result.codes = addedUp(codeCounts, codes, codes);
    result.values = addedUp(values, kMeasureBins + 1, kMeasureBins);
    result.errors = addedUp(errors, kMeasureBins + 1, kMeasureBins);
    return result;
}

inline Measured measureNaively(const std::vector<float>& src, const GroupRun& run,
                               const QuantizeParams& shared) {
    const auto size = static_cast<size_t>(run.groupSize);
    Measured result;
    result.groups.resize((src.size() + size - 1) / size);
    result.codes.resize(static_cast<size_t>(shared.codeMax - shared.codeMin + 1));
    result.values.resize(kMeasureBins);
    result.errors.resize(kMeasureBins);
    const auto countBin = [](std::vector<uint64_t>& bins, float x) {
        const float position = std::max((x - kMeasureLow) * kMeasurePerUnit, 0.0F);
        ++bins[static_cast<size_t>(std::min(position, kMeasureBins - 1.0F))];
    };
    for (size_t i = 0; i < src.size(); ++i) {
        QuantizeParams p = shared;
        p.group = run.groups[i / size];
        p.encodeDiffers = run.encode != nullptr;
        if (p.encodeDiffers) p.encode = run.encode[i / size];
        p.firstElement = i;
        const float r = std::isnan(src[i]) ? 0.0F : src[i];
        const int32_t code = quantizeValue(r, p);
        ErrorSplit one = splitError({&r, 1}, p);
        result.groups[i / size].merge(one);
        one.dotProduct = 0;
        result.columns.push_back(one);
        ++result.codes[static_cast<size_t>(code - p.codeMin)];
        countBin(result.values, dequantizeValue(code, p));
        countBin(result.errors, r - dequantizeValue(code, p));
    }
    return result;
}

}  // namespace quantscope::test
