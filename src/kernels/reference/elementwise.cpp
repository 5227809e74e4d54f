// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "kernels/reference/tables.h"
#include "quant/passes/rounding.h"

namespace quantscope {
namespace {

/// The code as a float: integral and exact (16 bits at most).
float codeOf(float r, const GroupParams& group, const QuantizeParams& p, const CounterRandom& random,
             uint64_t element) {
    const bool minimum = p.domain == ZeroPointDomain::Minimum;
    const float zeroPoint = minimum ? 0.0F : group.zeroPoint;
    const float shifted = (std::isnan(r) ? 0.0F : r) - (minimum ? group.zeroPoint : 0.0F);
    float t = group.scale == 0      ? 0.0F
              : p.multiplyByInverse ? shifted * (1 / group.scale)
                                    : shifted / group.scale;
    if (std::isnan(t)) t = 0;
    const float q = p.zeroPointInside ? roundBy(p.rounding, t + zeroPoint, random, element)
                                      : roundBy(p.rounding, t, random, element) + zeroPoint;
    return std::clamp(q, static_cast<float>(p.codeMin), static_cast<float>(p.codeMax));
}

float valueOf(float q, const GroupParams& group, const QuantizeParams& p) {
    if (p.domain == ZeroPointDomain::Minimum) return group.scale * q + group.zeroPoint;
    return group.scale * (q - group.zeroPoint);
}

Extremes extremes(const float* src, int64_t count) {
    Extremes e;
    for (int64_t i = 0; i < count; ++i) {
        const float x = src[i];
        if (std::isnan(x)) {
            ++e.nanCount;
            continue;
        }
        e.minimum = e.count == 0 ? x : std::min(e.minimum, x);
        e.maximum = e.count == 0 ? x : std::max(e.maximum, x);
        ++e.count;
        e.infCount += std::isinf(x) ? 1 : 0;
        e.sum += x;
        e.sumOfSquares += static_cast<double>(x) * x;
    }
    return e;
}

/// Calls step(i, decode, encode) for each element of a run with the parameters of its group.
template <class Step>
void overRun(int64_t count, const GroupRun& run, const Step& step) {
    const GroupParams* encode = run.encode != nullptr ? run.encode : run.groups;
    for (int64_t i = 0; i < count; ++i) step(i, run.groups[i / run.groupSize], encode[i / run.groupSize]);
}

void fakeQuantizeGroups(const float* src, float* dst, int64_t count, const GroupRun& run,
                        const QuantizeParams& params) {
    const CounterRandom random(params.seed);
    overRun(count, run, [&](int64_t i, const GroupParams& decode, const GroupParams& encode) {
        const uint64_t element = params.firstElement + static_cast<uint64_t>(i);
        dst[i] = valueOf(codeOf(src[i], encode, params, random, element), decode, params);
    });
}

ErrorSplit quantizeErrorGroups(const float* src, int64_t count, const GroupRun& run,
                               const QuantizeParams& params) {
    const CounterRandom random(params.seed);
    ErrorSplit split;
    split.count = count;
    overRun(count, run, [&](int64_t i, const GroupParams& decode, const GroupParams& encode) {
        const uint64_t element = params.firstElement + static_cast<uint64_t>(i);
        const float first = valueOf(static_cast<float>(params.codeMin), decode, params);
        const float last = valueOf(static_cast<float>(params.codeMax), decode, params);
        const float r = std::isnan(src[i]) ? 0.0F : src[i];
        const float value = valueOf(codeOf(r, encode, params, random, element), decode, params);
        const float error = r - value;
        const bool clipped = r < std::min(first, last) || r > std::max(first, last);
        split.clippedCount += clipped ? 1 : 0;
        (clipped ? split.clippingSse : split.roundingSse) += static_cast<double>(error) * error;
        split.maxAbs = std::max(split.maxAbs, std::abs(error));
        split.signalSse += static_cast<double>(r) * r;
        split.dotProduct += static_cast<double>(r) * value;
        split.outputSse += static_cast<double>(value) * value;
    });
    return split;
}

ErrorSplit fakeQuantizeErrorGroups(const float* src, float* dst, int64_t count, const GroupRun& run,
                                   const QuantizeParams& params, bool) {
    const ErrorSplit split = quantizeErrorGroups(src, count, run, params);
    fakeQuantizeGroups(src, dst, count, run, params);
    return split;
}

void encodeGroups(const float* src, int32_t* dst, int64_t count, const GroupRun& run,
                  const QuantizeParams& params) {
    const CounterRandom random(params.seed);
    overRun(count, run, [&](int64_t i, const GroupParams&, const GroupParams& encode) {
        const uint64_t element = params.firstElement + static_cast<uint64_t>(i);
        dst[i] = static_cast<int32_t>(codeOf(src[i], encode, params, random, element));
    });
}

void countBin(const BinCounters& bins, float x) {
    if (bins.counters.counts == nullptr || std::isnan(x)) return;
    const float position = (x - bins.low) * bins.perUnit;
    const float bin = position > 0 ? std::min(position, static_cast<float>(bins.bins - 1)) : 0.0F;
    ++bins.counters.counts[static_cast<int>(bin)];
}

void addToColumn(const ColumnSinks& columns, int64_t i, const ErrorSplit& one) {
    if (columns.signal == nullptr) return;
    columns.signal[i] += one.signalSse;
    columns.output[i] += one.outputSse;
    columns.sse[i] += one.totalSse();
    columns.clippingSse[i] += one.clippingSse;
    columns.clipped[i] += one.clippedCount;
    columns.maxAbs[i] = std::max(columns.maxAbs[i], one.maxAbs);
}

void measureGroups(const float* src, int64_t count, const GroupRun& run, const QuantizeParams& params,
                   const MeasureSinks& sinks) {
    std::fill_n(sinks.groups, (count + run.groupSize - 1) / run.groupSize, ErrorSplit{});
    const CounterRandom random(params.seed);
    overRun(count, run, [&](int64_t i, const GroupParams& decode, const GroupParams& encode) {
        QuantizeParams own = params;
        own.firstElement += static_cast<uint64_t>(i);
        const GroupRun self{&decode, &encode, 1};
        const float r = std::isnan(src[i]) ? 0.0F : src[i];
        const ErrorSplit one = quantizeErrorGroups(&r, 1, self, own);
        sinks.groups[i / run.groupSize].merge(one);
        addToColumn(sinks.columns, i, one);
        const float code = codeOf(r, encode, params, random, own.firstElement);
        const float value = valueOf(code, decode, params);
        if (sinks.codes.counts != nullptr) ++sinks.codes.counts[static_cast<int>(code) - params.codeMin];
        countBin(sinks.values, value);
        countBin(sinks.errors, r - value);
    });
}

GroupRun oneGroup(const QuantizeParams& params, int64_t count) {
    return {&params.group, params.encodeDiffers ? &params.encode : nullptr, std::max<int64_t>(count, 1)};
}

void fakeQuantize(const float* src, float* dst, int64_t count, const QuantizeParams& params) {
    fakeQuantizeGroups(src, dst, count, oneGroup(params, count), params);
}

ErrorSplit quantizeError(const float* src, int64_t count, const QuantizeParams& params) {
    return quantizeErrorGroups(src, count, oneGroup(params, count), params);
}

void encode(const float* src, int32_t* dst, int64_t count, const QuantizeParams& params) {
    encodeGroups(src, dst, count, oneGroup(params, count), params);
}

void decode(const int32_t* src, float* dst, int64_t count, const QuantizeParams& params) {
    for (int64_t i = 0; i < count; ++i) dst[i] = valueOf(static_cast<float>(src[i]), params.group, params);
}

bool minMaxGroups(const float* src, float* minima, float* maxima, int64_t count, int64_t groupSize) {
    bool finite = true;
    const int64_t groups = (count + groupSize - 1) / groupSize;
    std::fill(minima, minima + groups, std::numeric_limits<float>::infinity());
    std::fill(maxima, maxima + groups, -std::numeric_limits<float>::infinity());
    for (int64_t i = 0; i < count; ++i) {
        finite = finite && std::isfinite(src[i]);
        if (std::isnan(src[i])) continue;
        minima[i / groupSize] = std::min(minima[i / groupSize], src[i]);
        maxima[i / groupSize] = std::max(maxima[i / groupSize], src[i]);
    }
    return finite;
}

bool minMaxColumns(const float* src, float* minima, float* maxima, int64_t count) {
    bool finite = true;
    for (int64_t i = 0; i < count; ++i) {
        finite = finite && std::isfinite(src[i]);
        if (std::isnan(src[i])) continue;
        minima[i] = std::min(minima[i], src[i]);
        maxima[i] = std::max(maxima[i], src[i]);
    }
    return finite;
}

void histogram(const float* src, int64_t count, float low, float high, int bins, uint64_t* counts) {
    const float perUnit = static_cast<float>(bins) / (high - low);
    const auto last = static_cast<float>(bins - 1);
    for (int64_t i = 0; i < count; ++i) {
        if (std::isnan(src[i])) continue;
        const float position = (src[i] - low) * perUnit;
        // Written so that a NaN position (an infinite range) lands in bin 0.
        const float bin = position > 0 ? std::min(position, last) : 0.0F;
        ++counts[static_cast<int>(bin)];
    }
}

float halfToFloat(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
    const uint32_t exponent = (half >> 10) & 0x1FU;
    const uint32_t fraction = half & 0x3FFU;
    if (exponent == 31) {  // a quiet NaN keeps its payload
        return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13) | (fraction != 0 ? 0x400000U : 0U));
    }
    if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
    const float magnitude = static_cast<float>(fraction) * 0x1.0p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

void fromF16(const uint16_t* src, float* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) dst[i] = halfToFloat(src[i]);
}

void fromBf16(const uint16_t* src, float* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) dst[i] = std::bit_cast<float>(static_cast<uint32_t>(src[i]) << 16);
}

}  // namespace

const ElementwiseKernels kReferenceElementwise = {extremes,
                                                  fakeQuantize,
                                                  quantizeError,
                                                  encode,
                                                  decode,
                                                  histogram,
                                                  fakeQuantizeGroups,
                                                  fakeQuantizeGroups,
                                                  quantizeErrorGroups,
                                                  fakeQuantizeErrorGroups,
                                                  encodeGroups,
                                                  measureGroups,
                                                  minMaxGroups,
                                                  minMaxColumns,
                                                  fromF16,
                                                  fromBf16};

}  // namespace quantscope
