// SPDX-License-Identifier: Apache-2.0
#include "quant/passes/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/random.h"
#include "quant/passes/rounding.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

/// Codes are moved up by this much, and it is the zero point, when a symmetric scheme is unsigned.
int32_t unsignedShift(const Scheme& scheme) {
    return scheme.mapping == Mapping::Symmetric && !scheme.isSigned ? 1 << (scheme.bits - 1) : 0;
}

bool isMinimum(const Scheme& scheme) {
    return scheme.mapping == Mapping::Affine && scheme.zeroPointDomain == ZeroPointDomain::Minimum;
}

float rounded(float value, ScaleFormat format) {
    switch (format) {
        case ScaleFormat::F32:
            break;
        case ScaleFormat::F16:
            return floatFromF16(f16FromFloat(value));
        case ScaleFormat::BF16:
            return floatFromBf16(bf16FromFloat(value));
    }
    return value;
}

float usableScale(float scale) {
    return std::abs(scale) < std::numeric_limits<float>::min() ? 0.0F : scale;
}

/// (high - low) / steps in float, as the peers compute it; in double only where the difference overflows.
float stepOf(float low, float high, float steps) {
    const float width = high - low;
    if (std::isfinite(width)) return width / steps;
    return static_cast<float>((static_cast<double>(high) - static_cast<double>(low)) /
                              static_cast<double>(steps));
}

float symmetricScale(const Range& range, const Scheme& scheme) {
    const float absmax = std::max(std::abs(range.low), std::abs(range.high));
    const auto half = static_cast<float>(1 << (scheme.bits - 1));
    switch (scheme.symmetricRange) {
        case SymmetricRange::Narrow:
            return absmax / (half - 1);
        case SymmetricRange::Full:
            return absmax / (half - 0.5F);
        case SymmetricRange::PowerOfTwo:
            return absmax / half;
        case SymmetricRange::NoClip:
            return std::max(std::min(range.low, 0.0F) / -half, std::max(range.high, 0.0F) / (half - 1));
        case SymmetricRange::SignedExtreme: {
            const bool lowWins = std::abs(range.low) > std::abs(range.high) ||
                                 (std::abs(range.low) == std::abs(range.high) && range.lowIsExtreme);
            return (lowWins ? range.low : range.high) / -half;
        }
    }
    return absmax / (half - 1);
}

GroupParams affineParams(Range range, const Scheme& scheme) {
    if (scheme.rangeIncludesZero) {
        range.low = std::min(range.low, 0.0F);
        range.high = std::max(range.high, 0.0F);
    }
    const auto first = static_cast<float>(codeMin(scheme));
    const auto last = static_cast<float>(codeMax(scheme));
    GroupParams params;
    params.scale = usableScale(stepOf(range.low, range.high, last - first));
    if (!scheme.encodeUnrounded) params.scale = usableScale(rounded(params.scale, scheme.scaleFormat));
    switch (scheme.zeroPointDomain) {
        case ZeroPointDomain::Integer:
            params.zeroPoint =
                params.scale == 0 ? std::clamp(0.0F, first, last)
                                  : std::clamp(first - std::nearbyint(range.low / params.scale), first, last);
            break;
        case ZeroPointDomain::Float:
            params.zeroPoint = params.scale == 0 ? first : first - range.low / params.scale;
            break;
        case ZeroPointDomain::Minimum:
            params.zeroPoint = range.low;
            break;
    }
    return params;
}

}  // namespace

int32_t codeMin(const Scheme& scheme) {
    const int32_t half = 1 << (scheme.bits - 1);
    if (scheme.mapping == Mapping::Symmetric) {
        const int32_t lowest = scheme.symmetricRange == SymmetricRange::Narrow ? 1 - half : -half;
        return lowest + unsignedShift(scheme);
    }
    return scheme.isSigned && !isMinimum(scheme) ? -half : 0;
}

int32_t codeMax(const Scheme& scheme) {
    const int32_t half = 1 << (scheme.bits - 1);
    if (scheme.mapping == Mapping::Symmetric) return half - 1 + unsignedShift(scheme);
    return scheme.isSigned && !isMinimum(scheme) ? half - 1 : 2 * half - 1;
}

GroupParams storedParams(const GroupParams& params, const Scheme& scheme) {
    GroupParams stored = params;
    stored.scale = usableScale(rounded(params.scale, scheme.scaleFormat));
    const bool fractional =
        scheme.mapping == Mapping::Affine && scheme.zeroPointDomain != ZeroPointDomain::Integer;
    if (fractional) stored.zeroPoint = rounded(params.zeroPoint, scheme.scaleFormat);
    return stored;
}

GroupParams paramsFromRange(const Range& range, const Scheme& scheme) {
    GroupParams params;
    if (scheme.mapping == Mapping::Symmetric) {
        params.scale = usableScale(symmetricScale(range, scheme));
        params.zeroPoint = static_cast<float>(unsignedShift(scheme));
    } else {
        params = affineParams(range, scheme);
    }
    return scheme.encodeUnrounded ? params : storedParams(params, scheme);
}

GroupParams paramsFromRange(double low, double high, const Scheme& scheme) {
    return paramsFromRange(Range{static_cast<float>(low), static_cast<float>(high), false}, scheme);
}

QuantizeParams quantizeParams(const Scheme& scheme, const GroupParams& params) {
    QuantizeParams p;
    p.group = storedParams(params, scheme);
    p.encode = params;
    p.encodeDiffers = !(p.group == p.encode);
    p.codeMin = codeMin(scheme);
    p.codeMax = codeMax(scheme);
    p.rounding = scheme.rounding;
    p.domain = scheme.mapping == Mapping::Affine ? scheme.zeroPointDomain : ZeroPointDomain::Integer;
    // A fractional zero point added after the rounding would not give an integral code.
    p.zeroPointInside = scheme.zeroPointInside || p.domain == ZeroPointDomain::Float;
    p.multiplyByInverse = scheme.multiplyByInverse;
    p.seed = scheme.seed;
    return p;
}

int32_t quantizeValue(float value, const QuantizeParams& params, uint64_t element) {
    const GroupParams& group = params.encodeDiffers ? params.encode : params.group;
    const bool minimum = params.domain == ZeroPointDomain::Minimum;
    const float zeroPoint = minimum ? 0.0F : group.zeroPoint;
    const float offset = minimum ? group.zeroPoint : 0.0F;
    if (std::isnan(value)) value = 0;
    float t = 0;
    if (group.scale != 0)
        t = params.multiplyByInverse ? (value - offset) * (1.0F / group.scale)
                                     : (value - offset) / group.scale;
    const CounterRandom random(params.seed);
    const float code = params.zeroPointInside ? roundBy(params.rounding, t + zeroPoint, random, element)
                                              : roundBy(params.rounding, t, random, element) + zeroPoint;
    return static_cast<int32_t>(
        std::clamp(code, static_cast<float>(params.codeMin), static_cast<float>(params.codeMax)));
}

int32_t quantizeValue(float value, const QuantizeParams& params) {
    return quantizeValue(value, params, params.firstElement);
}

float dequantizeValue(int32_t code, const GroupParams& params, ZeroPointDomain domain) {
    const auto q = static_cast<float>(code);
    if (domain == ZeroPointDomain::Minimum) return params.scale * q + params.zeroPoint;
    return params.scale * (q - params.zeroPoint);
}

float dequantizeValue(int32_t code, const QuantizeParams& params) {
    return dequantizeValue(code, params.group, params.domain);
}

ErrorSplit splitError(std::span<const float> values, const QuantizeParams& params) {
    float low = dequantizeValue(params.codeMin, params);
    float high = dequantizeValue(params.codeMax, params);
    if (low > high) std::swap(low, high);
    ErrorSplit split;
    split.count = static_cast<int64_t>(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
        const float r = std::isnan(values[i]) ? 0.0F : values[i];
        const float value = dequantizeValue(quantizeValue(r, params, params.firstElement + i), params);
        const float error = r - value;
        const double square = static_cast<double>(error) * static_cast<double>(error);
        const bool clipped = r < low || r > high;
        split.clippedCount += clipped ? 1 : 0;
        (clipped ? split.clippingSse : split.roundingSse) += square;
        split.maxAbs = std::max(split.maxAbs, std::abs(error));
        split.signalSse += static_cast<double>(r) * static_cast<double>(r);
        split.dotProduct += static_cast<double>(r) * static_cast<double>(value);
        split.outputSse += static_cast<double>(value) * static_cast<double>(value);
    }
    return split;
}

}  // namespace quantscope
