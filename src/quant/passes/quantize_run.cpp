// SPDX-License-Identifier: Apache-2.0
#include "quant/passes/quantize_run.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "numerics/nearest_even.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr size_t kChunk = 1024;

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
    [[nodiscard, gnu::always_inline]] inline float code(float r) const {
        const float value = r == r ? r : 0.0F;
        const float t = kMultiply ? (value - offset) * inverse : (value - offset) / scale;
        float q = nearestEven(t + before) + after;
        q = q < first ? first : q;
        return q > last ? last : q;
    }
};

template <bool kMultiply>
[[gnu::always_inline]] inline void halfEvenCodes(std::span<const float> values, const HalfEvenForm& form,
                                                 int32_t* codes) {
    for (size_t i = 0; i < values.size(); ++i)
        codes[i] = static_cast<int32_t>(form.code<kMultiply>(values[i]));
}
struct HalfEvenCodes {
    [[gnu::always_inline]] static inline void run(std::span<const float> values, const QuantizeParams* params,
                                                  int32_t* codes) {
        const HalfEvenForm form(*params);
        form.multiply ? halfEvenCodes<true>(values, form, codes) : halfEvenCodes<false>(values, form, codes);
    }
};

struct Decoded {
    [[gnu::always_inline]] static inline void run(std::span<const int32_t> codes, GroupParams group,
                                                  bool minimum, float* values) {
        if (minimum) {
            for (size_t i = 0; i < codes.size(); ++i)
                values[i] = group.scale * static_cast<float>(codes[i]) + group.zeroPoint;
        } else {
            for (size_t i = 0; i < codes.size(); ++i)
                values[i] = group.scale * (static_cast<float>(codes[i]) - group.zeroPoint);
        }
    }
};

template <bool kMultiply, bool kMinimum>
[[gnu::always_inline]] inline void halfEvenValues(std::span<const float> values, const HalfEvenForm& form,
                                                  const GroupParams& group, float* decoded) {
    for (size_t i = 0; i < values.size(); ++i) {
        const float q = form.code<kMultiply>(values[i]);
        decoded[i] = kMinimum ? group.scale * q + group.zeroPoint : group.scale * (q - group.zeroPoint);
    }
}

[[gnu::always_inline]] inline void halfEvenDecoded(std::span<const float> values,
                                                   const QuantizeParams& params, float* decoded) {
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

/// Sum of the squared differences, sixteen sums side by side in a fixed order: the same bits whatever the
/// width of the machine's vectors. `weights` is read only if kWeighted.
template <bool kWeighted>
[[gnu::always_inline]] inline double squaredDistance(const float* a, const float* b, const float* weights,
                                                     size_t count) {
    using Floats [[gnu::vector_size(32)]] = float;
    using Doubles [[gnu::vector_size(64)]] = double;
    constexpr size_t kLanes = 8;
    std::array<Doubles, 2> sums{};
    size_t i = 0;
    for (; i + 2 * kLanes <= count; i += 2 * kLanes)
        for (size_t half = 0; half < 2; ++half) {
            const size_t at = i + half * kLanes;
            Floats x, y;
            std::memcpy(&x, a + at, sizeof x);
            std::memcpy(&y, b + at, sizeof y);
            const Doubles error = __builtin_convertvector(x, Doubles) - __builtin_convertvector(y, Doubles);
            if constexpr (kWeighted) {
                Floats weight;
                std::memcpy(&weight, weights + at, sizeof weight);
                sums[half] += __builtin_convertvector(weight, Doubles) * (error * error);
            } else {
                sums[half] += error * error;
            }
        }
    double sum = 0;
    for (; i < count; ++i) {
        const double error = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += kWeighted ? static_cast<double>(weights[i]) * (error * error) : error * error;
    }
    const Doubles both = sums[0] + sums[1];
    for (size_t lane = 0; lane < kLanes; ++lane) sum += both[lane];
    return sum;
}

/// What an error is measured on.
struct WeighedRun {
    std::span<const float> values;
    std::span<const float> weights;

    [[nodiscard]] const float* weightsFrom(size_t begin) const {
        return weights.empty() ? nullptr : weights.data() + begin;
    }
    [[nodiscard]] std::span<const float> chunkFrom(size_t begin) const {
        return values.subspan(begin, std::min<size_t>(kChunk, values.size() - begin));
    }
};

template <bool kWeighted>
[[gnu::always_inline]] inline double halfEvenSquaredError(const WeighedRun& run,
                                                          const QuantizeParams& params) {
    std::array<float, kChunk> decoded;
    double sum = 0;
    for (size_t begin = 0; begin < run.values.size(); begin += kChunk) {
        const auto part = run.chunkFrom(begin);
        halfEvenDecoded(part, params, decoded.data());
        sum += squaredDistance<kWeighted>(part.data(), decoded.data(), run.weightsFrom(begin), part.size());
    }
    return sum;
}
// A range search is hundreds of passes, so the same source is also compiled for wider vectors (without fused
// operations, see CMakeLists.txt: equal bits).
struct HalfEvenError {
    [[gnu::always_inline]] static inline double run(const WeighedRun* run, const QuantizeParams* params) {
        return run->weights.empty() ? halfEvenSquaredError<false>(*run, *params)
                                    : halfEvenSquaredError<true>(*run, *params);
    }
};

}  // namespace

void quantizeRun(std::span<const float> values, const QuantizeParams& params, int32_t* codes,
                 InstructionSet set) {
    const float scale = params.encodeDiffers ? params.encode.scale : params.group.scale;
    if (params.rounding == Rounding::HalfEven && scale != 0)
        return runWith<HalfEvenCodes>(set, values, &params, codes);
    for (size_t i = 0; i < values.size(); ++i)
        codes[i] = quantizeValue(values[i], params, params.firstElement + i);
}

void dequantizeRun(std::span<const int32_t> codes, const QuantizeParams& params, float* values,
                   InstructionSet set) {
    runWith<Decoded>(set, codes, params.group, params.domain == ZeroPointDomain::Minimum, values);
}

double runSquaredError(std::span<const float> values, std::span<const float> weights,
                       const QuantizeParams& params, InstructionSet set) {
    const float scale = params.encodeDiffers ? params.encode.scale : params.group.scale;
    const WeighedRun run{values, weights};
    if (params.rounding == Rounding::HalfEven && scale != 0)
        return runWith<HalfEvenError>(set, &run, &params);
    std::array<float, kChunk> decoded;
    double sum = 0;
    for (size_t begin = 0; begin < values.size(); begin += kChunk) {
        const auto part = run.chunkFrom(begin);
        for (size_t i = 0; i < part.size(); ++i)
            decoded[i] =
                dequantizeValue(quantizeValue(part[i], params, params.firstElement + begin + i), params);
        sum += weights.empty()
                   ? squaredDistance<false>(part.data(), decoded.data(), nullptr, part.size())
                   : squaredDistance<true>(part.data(), decoded.data(), run.weightsFrom(begin), part.size());
    }
    return sum;
}

}  // namespace quantscope
