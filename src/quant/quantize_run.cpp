// SPDX-License-Identifier: Apache-2.0
#include "quant/quantize_run.h"

#include <algorithm>
#include <array>

#include "quant/reference.h"

namespace quantscope {
namespace {

constexpr size_t kChunk = 1024;

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

/// The constants of one group, laid out so that both domains and both places of the zero point are one
/// formula: code = clamp(nearest((value - offset) / scale + before) + after).
struct HalfEvenForm {
    float scale;
    float inverse;
    float offset;
    float before;
    float after;
    float first;
    float last;
    bool multiply;

    explicit HalfEvenForm(const QuantizeParams& params) {
        const GroupParams& group = params.encodeDiffers ? params.encode : params.group;
        const bool minimum = params.domain == ZeroPointDomain::Minimum;
        const float zeroPoint = minimum ? 0.0F : group.zeroPoint;
        scale = group.scale;
        inverse = 1.0F / group.scale;
        offset = minimum ? group.zeroPoint : 0.0F;
        before = params.zeroPointInside ? zeroPoint : 0.0F;
        after = params.zeroPointInside ? 0.0F : zeroPoint;
        first = static_cast<float>(params.codeMin);
        last = static_cast<float>(params.codeMax);
        multiply = params.multiplyByInverse;
    }

    template <bool kMultiply>
    [[nodiscard]] float code(float r) const {
        const float value = r == r ? r : 0.0F;
        const float t = kMultiply ? (value - offset) * inverse : (value - offset) / scale;
        float q = nearestEven(t + before) + after;
        q = q < first ? first : q;
        return q > last ? last : q;
    }
};

template <bool kMultiply>
void halfEvenCodes(std::span<const float> values, const HalfEvenForm& form, int32_t* codes) {
    for (size_t i = 0; i < values.size(); ++i)
        codes[i] = static_cast<int32_t>(form.code<kMultiply>(values[i]));
}

template <bool kMultiply, bool kMinimum>
void halfEvenValues(std::span<const float> values, const HalfEvenForm& form, const GroupParams& group,
                    float* decoded) {
    for (size_t i = 0; i < values.size(); ++i) {
        const float q = form.code<kMultiply>(values[i]);
        decoded[i] = kMinimum ? group.scale * q + group.zeroPoint : group.scale * (q - group.zeroPoint);
    }
}

void halfEvenDecoded(std::span<const float> values, const QuantizeParams& params, float* decoded) {
    const HalfEvenForm form(params);
    const GroupParams group = params.group;
    const bool minimum = params.domain == ZeroPointDomain::Minimum;
    if (form.multiply) {
        minimum ? halfEvenValues<true, true>(values, form, group, decoded)
                : halfEvenValues<true, false>(values, form, group, decoded);
    } else {
        minimum ? halfEvenValues<false, true>(values, form, group, decoded)
                : halfEvenValues<false, false>(values, form, group, decoded);
    }
}

}  // namespace

void quantizeRun(std::span<const float> values, const QuantizeParams& params, int32_t* codes) {
    const float scale = params.encodeDiffers ? params.encode.scale : params.group.scale;
    if (params.rounding == Rounding::HalfEven && scale != 0) {
        const HalfEvenForm form(params);
        form.multiply ? halfEvenCodes<true>(values, form, codes) : halfEvenCodes<false>(values, form, codes);
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
    const float scale = params.encodeDiffers ? params.encode.scale : params.group.scale;
    const bool fast = params.rounding == Rounding::HalfEven && scale != 0;
    std::array<float, kChunk> decoded;
    double sum = 0;
    for (size_t begin = 0; begin < values.size(); begin += kChunk) {
        const auto part = values.subspan(begin, std::min<size_t>(kChunk, values.size() - begin));
        if (fast) {
            halfEvenDecoded(part, params, decoded.data());
        } else {
            for (size_t i = 0; i < part.size(); ++i)
                decoded[i] =
                    dequantizeValue(quantizeValue(part[i], params, params.firstElement + begin + i), params);
        }
        // Four sums, in a fixed order, so that additions overlap.
        std::array<double, 4> sums{};
        size_t i = 0;
        for (; i + 4 <= part.size(); i += 4)
            for (size_t lane = 0; lane < 4; ++lane) {
                const double error =
                    static_cast<double>(part[i + lane]) - static_cast<double>(decoded[i + lane]);
                sums[lane] += error * error;
            }
        for (; i < part.size(); ++i) {
            const double error = static_cast<double>(part[i]) - static_cast<double>(decoded[i]);
            sums[0] += error * error;
        }
        sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
    return sum;
}

}  // namespace quantscope
