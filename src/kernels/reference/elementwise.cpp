// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/random.h"
#include "kernels/reference/tables.h"

namespace quantscope {
namespace {

float roundBy(float t, Rounding rounding, const CounterRandom& random, uint64_t element) {
    switch (rounding) {
        case Rounding::HalfEven:
            return std::nearbyint(t);
        case Rounding::HalfAway:
            return std::round(t);
        case Rounding::HalfUp:
            return std::floor(t) + (t - std::floor(t) >= 0.5F ? 1.0F : 0.0F);
        case Rounding::Floor:
            return std::floor(t);
        case Rounding::Ceil:
            return std::ceil(t);
        case Rounding::TowardZero:
            return std::trunc(t);
        case Rounding::Stochastic: {
            const float below = std::floor(t);
            return below + (random.uniform(element) < static_cast<double>(t - below) ? 1.0F : 0.0F);
        }
    }
    return t;
}

/// The code as a float: integral and exact (16 bits at most).
float codeOf(float r, const QuantizeParams& p, const CounterRandom& random, uint64_t element) {
    const float scale = p.group.scale;
    const bool minimum = p.domain == ZeroPointDomain::Minimum;
    const float offset = minimum ? p.group.zeroPoint : 0.0F;
    const float zeroPoint = minimum ? 0.0F : p.group.zeroPoint;
    if (std::isnan(r)) r = 0;
    float t = scale == 0 ? 0 : p.multiplyByInverse ? (r - offset) * (1 / scale) : (r - offset) / scale;
    if (std::isnan(t)) t = 0;
    const float q = p.zeroPointInside ? roundBy(t + zeroPoint, p.rounding, random, element)
                                      : roundBy(t, p.rounding, random, element) + zeroPoint;
    return std::clamp(q, static_cast<float>(p.codeMin), static_cast<float>(p.codeMax));
}

float valueOf(float q, const QuantizeParams& p) {
    if (p.domain == ZeroPointDomain::Minimum) return p.group.scale * q + p.group.zeroPoint;
    return p.group.scale * (q - p.group.zeroPoint);
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

void fakeQuantize(const float* src, float* dst, int64_t count, const QuantizeParams& params) {
    const CounterRandom random(params.seed);
    for (int64_t i = 0; i < count; ++i) {
        dst[i] =
            valueOf(codeOf(src[i], params, random, params.firstElement + static_cast<uint64_t>(i)), params);
    }
}

ErrorSplit quantizeError(const float* src, int64_t count, const QuantizeParams& params) {
    const CounterRandom random(params.seed);
    const float first = valueOf(static_cast<float>(params.codeMin), params);
    const float last = valueOf(static_cast<float>(params.codeMax), params);
    const float low = std::min(first, last);
    const float high = std::max(first, last);
    ErrorSplit split;
    split.count = count;
    for (int64_t i = 0; i < count; ++i) {
        const float r = std::isnan(src[i]) ? 0.0F : src[i];
        const float value =
            valueOf(codeOf(r, params, random, params.firstElement + static_cast<uint64_t>(i)), params);
        const float error = r - value;
        const double square = static_cast<double>(error) * error;
        const bool clipped = r < low || r > high;
        split.clippedCount += clipped ? 1 : 0;
        (clipped ? split.clippingSse : split.roundingSse) += square;
        split.maxAbs = std::max(split.maxAbs, std::abs(error));
        split.signalSse += static_cast<double>(r) * r;
        split.dotProduct += static_cast<double>(r) * value;
        split.outputSse += static_cast<double>(value) * value;
    }
    return split;
}

void encode(const float* src, int32_t* dst, int64_t count, const QuantizeParams& params) {
    const CounterRandom random(params.seed);
    for (int64_t i = 0; i < count; ++i) {
        dst[i] = static_cast<int32_t>(
            codeOf(src[i], params, random, params.firstElement + static_cast<uint64_t>(i)));
    }
}

void decode(const int32_t* src, float* dst, int64_t count, const QuantizeParams& params) {
    for (int64_t i = 0; i < count; ++i) dst[i] = valueOf(static_cast<float>(src[i]), params);
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

const ElementwiseKernels kReferenceElementwise = {extremes, fakeQuantize, quantizeError, encode,
                                                  decode,   histogram,    fromF16,       fromBf16};

}  // namespace quantscope
