// SPDX-License-Identifier: Apache-2.0
#include "quant/quantize_run.h"

#include <algorithm>
#include <array>

#include "quant/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kChunk = 1024;

/// Half-even without a library call: in (-2^22, 2^22) adding and subtracting 1.5 * 2^23 rounds to an integer
/// in the default rounding mode. Values beyond are clamped first, which changes no code: codes and zero
/// points stay below 2^17.
float nearestEven(float x) {
    constexpr float kLimit = 0x1p20F;
    constexpr float kMagic = 0x1.8p23F;
    x = x < -kLimit ? -kLimit : x;
    x = x > kLimit ? kLimit : x;
    return (x + kMagic) - kMagic;
}

void halfEvenChunk(const float* values, int64_t count, const QuantizeParams& params, int32_t* codes) {
    const GroupParams& group = params.encodeDiffers ? params.encode : params.group;
    const bool minimum = params.domain == ZeroPointDomain::Minimum;
    const float offset = minimum ? group.zeroPoint : 0.0F;
    const float zeroPoint = minimum ? 0.0F : group.zeroPoint;
    const float before = params.zeroPointInside ? zeroPoint : 0.0F;
    const float after = params.zeroPointInside ? 0.0F : zeroPoint;
    const float inverse = 1.0F / group.scale;
    const auto first = static_cast<float>(params.codeMin);
    const auto last = static_cast<float>(params.codeMax);
    for (int64_t i = 0; i < count; ++i) {
        const float value = values[i] == values[i] ? values[i] : 0.0F;
        const float t =
            params.multiplyByInverse ? (value - offset) * inverse : (value - offset) / group.scale;
        float code = nearestEven(t + before) + after;
        code = code < first ? first : code;
        code = code > last ? last : code;
        codes[i] = static_cast<int32_t>(code);
    }
}

}  // namespace

void quantizeRun(std::span<const float> values, const QuantizeParams& params, int32_t* codes) {
    const float scale = params.encodeDiffers ? params.encode.scale : params.group.scale;
    if (params.rounding == Rounding::HalfEven && scale != 0) {
        halfEvenChunk(values.data(), static_cast<int64_t>(values.size()), params, codes);
        return;
    }
    for (size_t i = 0; i < values.size(); ++i)
        codes[i] = quantizeValue(values[i], params, params.firstElement + i);
}

void dequantizeRun(std::span<const int32_t> codes, const QuantizeParams& params, float* values) {
    const GroupParams group = params.group;
    if (params.domain == ZeroPointDomain::Minimum) {
        for (size_t i = 0; i < codes.size(); ++i)
            values[i] = group.scale * static_cast<float>(codes[i]) + group.zeroPoint;
    } else {
        for (size_t i = 0; i < codes.size(); ++i)
            values[i] = group.scale * (static_cast<float>(codes[i]) - group.zeroPoint);
    }
}

double runSquaredError(std::span<const float> values, const QuantizeParams& params) {
    std::array<int32_t, kChunk> codes;
    std::array<float, kChunk> decoded;
    double sum = 0;
    QuantizeParams chunk = params;
    for (size_t begin = 0; begin < values.size(); begin += kChunk) {
        const auto part = values.subspan(begin, std::min<size_t>(kChunk, values.size() - begin));
        chunk.firstElement = params.firstElement + begin;
        quantizeRun(part, chunk, codes.data());
        dequantizeRun(std::span(codes.data(), part.size()), chunk, decoded.data());
        // Four sums, in a fixed order, so that additions overlap.
        std::array<double, 4> sums{};
        for (size_t i = 0; i < part.size(); ++i) {
            const double error = static_cast<double>(part[i]) - static_cast<double>(decoded[i]);
            sums[i % 4] += error * error;
        }
        sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
    return sum;
}

}  // namespace quantscope
