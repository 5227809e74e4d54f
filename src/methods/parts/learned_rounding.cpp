// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/learned_rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "numerics/nearest_even.h"

namespace quantscope {
namespace {

constexpr float kHigh = 1.1F;
constexpr float kLow = -0.1F;
constexpr float kFirst = 0.9F;
constexpr float kSecond = 0.999F;
constexpr float kTiny = 1e-30F;

// ln 2 in two parts, the first exact in few bits; polynomials of the Cephes library (Moshier 1984-2000).
constexpr float kLn2High = 0.693359375F;
constexpr float kLn2Low = -2.12194440e-4F;

/// e^x; x is brought into -87 .. 88.
[[gnu::always_inline]] inline float exponential(float x) {
    x = x < -87.0F ? -87.0F : x;
    x = x > 88.0F ? 88.0F : x;
    const float whole = roundHalfEven(x * 1.44269504F);
    const float r = x - whole * kLn2High - whole * kLn2Low;
    float p = 1.9875691500e-4F;
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    return p * std::bit_cast<float>((static_cast<int32_t>(whole) + 127) << 23);
}

/// ln x of a positive, normal x.
[[gnu::always_inline]] inline float logarithm(float x) {
    const auto bits = std::bit_cast<int32_t>(x);
    const float mantissa = std::bit_cast<float>((bits & 0x007fffff) | 0x3f000000);
    const bool small = mantissa < 0.70710678F;
    const float exponent = static_cast<float>((bits >> 23) - 126) - (small ? 1.0F : 0.0F);
    const float m = mantissa + (small ? mantissa : 0.0F) - 1.0F;
    float p = 7.0376836292e-2F;
    p = p * m - 1.1514610310e-1F;
    p = p * m + 1.1676998740e-1F;
    p = p * m - 1.2420140846e-1F;
    p = p * m + 1.4249322787e-1F;
    p = p * m - 1.6668057665e-1F;
    p = p * m + 2.0000714765e-1F;
    p = p * m - 2.4999993993e-1F;
    p = p * m + 3.3333331174e-1F;
    const float z = m * m;
    return m + (p * m * z + exponent * kLn2Low - 0.5F * z) + exponent * kLn2High;
}

/// h before its clamp, from sigmoid(V).
[[gnu::always_inline]] inline float stretched(float sigmoid) {
    return sigmoid * (kHigh - kLow) + kLow;
}

[[gnu::always_inline]] inline float between(float low, float value, float high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

/// A run's arrays.
struct Run {
    int64_t count;
    const float* __restrict floors;
    const float* __restrict scales;
    const float* __restrict zeros;
    const float* __restrict weights;
    float low;
    float high;
};

[[gnu::always_inline]] inline void differenceBody(const Run& run, const float* __restrict sigmoid,
                                                  float* __restrict to) {
    for (int64_t i = 0; i < run.count; ++i) {
        const float up = between(0.0F, stretched(sigmoid[i]), 1.0F);
        const float code = between(run.low, run.floors[i] + up, run.high);
        to[i] = (code - run.zeros[i]) * run.scales[i] - run.weights[i];
    }
}

struct Rates {
    float weight;      ///< 2 of the first term
    float sharpening;  ///< 2 lambda beta
    float power;       ///< beta - 1
    float step;        ///< rate / (1 - kFirst^t)
    float second;      ///< 1 / (1 - kSecond^t)
};

[[gnu::always_inline]] inline void descendBody(const Run& run, const Rates& rates,
                                               const float* __restrict gradients, float* __restrict v,
                                               float* __restrict sigmoid, float* __restrict first,
                                               float* __restrict second) {
    for (int64_t i = 0; i < run.count; ++i) {
        const float s = sigmoid[i];
        const float h = stretched(s);
        const float away = 2 * h - 1;
        const float code = run.floors[i] + h;
        // Outside the grid's limits the code stays where it is; the clamp of h passes no gradient.
        const bool moves = (code >= run.low) & (code <= run.high);
        const float size = away < 0 ? -away : away;
        const float power = exponential(rates.power * logarithm(size > kTiny ? size : kTiny));
        const float sharpening = rates.sharpening * power;
        const float pull = rates.weight * gradients[i] * run.scales[i];
        const float slope = moves ? pull : 0.0F;
        const float sum = slope - (away < 0 ? -sharpening : sharpening);
        const float whole = sum * s * (1 - s) * (kHigh - kLow);
        const float gradient = ((h > 0) & (h < 1)) ? whole : 0.0F;
        first[i] = kFirst * first[i] + (1 - kFirst) * gradient;
        second[i] = kSecond * second[i] + (1 - kSecond) * gradient * gradient;
        const float moved = v[i] - rates.step * first[i] / (std::sqrt(second[i] * rates.second) + 1e-8F);
        v[i] = moved;
        sigmoid[i] = 1 / (1 + exponential(-moved));
    }
}

QUANTSCOPE_AVX2 void differenceAvx2(const Run& run, const float* sigmoid, float* to) {
    differenceBody(run, sigmoid, to);
}
QUANTSCOPE_AVX512 void differenceAvx512(const Run& run, const float* sigmoid, float* to) {
    differenceBody(run, sigmoid, to);
}
QUANTSCOPE_AVX2 void descendAvx2(const Run& run, const Rates& rates, const float* gradients, float* v,
                                 float* sigmoid, float* first, float* second) {
    descendBody(run, rates, gradients, v, sigmoid, first, second);
}
QUANTSCOPE_AVX512 void descendAvx512(const Run& run, const Rates& rates, const float* gradients, float* v,
                                     float* sigmoid, float* first, float* second) {
    descendBody(run, rates, gradients, v, sigmoid, first, second);
}

[[gnu::always_inline]] inline void gainsBody(int64_t count, const double* __restrict changes,
                                             const double* __restrict curves, const double* __restrict slope,
                                             double* __restrict gains) {
    for (int64_t i = 0; i < count; ++i) gains[i] = -(2 * changes[i] * slope[i] + curves[i]);
}

[[gnu::always_inline]] inline void followBody(int64_t count, double change, const float* __restrict hessian,
                                              double* __restrict slope) {
    for (int64_t i = 0; i < count; ++i) slope[i] += change * static_cast<double>(hessian[i]);
}

/// The greatest of `count` numbers; several running maxima, where max_element would wait for each.
[[gnu::always_inline]] inline double greatestBody(int64_t count, const double* values) {
    constexpr int64_t kLanes = 16;
    double most[kLanes];
    for (double& lane : most) lane = values[0];
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
        for (int64_t lane = 0; lane < kLanes; ++lane)
            most[lane] = values[i + lane] > most[lane] ? values[i + lane] : most[lane];
    for (; i < count; ++i) most[0] = values[i] > most[0] ? values[i] : most[0];
    return *std::max_element(most, most + kLanes);
}

/// What turning each weight of a row would do.
struct Row {
    int64_t count;
    const double* changes;
    const double* curves;  ///< change^2 H_ii
    double* slope;
    double* gains;
};

[[gnu::always_inline]] inline double bestGainBody(const Row& row) {
    gainsBody(row.count, row.changes, row.curves, row.slope, row.gains);
    return greatestBody(row.count, row.gains);
}
QUANTSCOPE_AVX2 double bestGainAvx2(const Row& row) {
    return bestGainBody(row);
}
QUANTSCOPE_AVX512 double bestGainAvx512(const Row& row) {
    return bestGainBody(row);
}
QUANTSCOPE_AVX2 void followAvx2(const Row& row, double change, const float* hessian) {
    followBody(row.count, change, hessian, row.slope);
}
QUANTSCOPE_AVX512 void followAvx512(const Row& row, double change, const float* hessian) {
    followBody(row.count, change, hessian, row.slope);
}

double bestGain(const Row& row, InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return bestGainAvx512(row);
        case InstructionSet::Avx2:
            return bestGainAvx2(row);
        case InstructionSet::Baseline:
            break;
    }
    return bestGainBody(row);
}

void follow(const Row& row, double change, const float* hessian, InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return followAvx512(row, change, hessian);
        case InstructionSet::Avx2:
            return followAvx2(row, change, hessian);
        case InstructionSet::Baseline:
            return followBody(row.count, change, hessian, row.slope);
    }
}

Run runOf(const RoundingPlaces& places, size_t begin, std::span<const float> weights) {
    return {std::ssize(weights),
            places.floors.data() + begin,
            places.scales.data() + begin,
            places.zeros.data() + begin,
            weights.data(),
            places.low,
            places.high};
}

}  // namespace

LearnedRounding::LearnedRounding(const RoundingPlaces& places, int64_t first, std::span<const float> weights,
                                 float rate, InstructionSet set)
    : m_places(places),
      m_begin(static_cast<size_t>(first)),
      m_weights(weights),
      m_rate(rate),
      m_set(set),
      m_v(weights.size()),
      m_sigmoid(weights.size()),
      m_first(weights.size()),
      m_second(weights.size()) {
    // The V for which h(V) is the fraction of w / S + Z.
    for (size_t i = 0; i < weights.size(); ++i) {
        const size_t at = m_begin + i;
        const float t = places.scales[at] == 0 ? 0 : weights[i] / places.scales[at];
        const float fraction = between(0.0F, t + places.zeros[at] - places.floors[at], 1.0F);
        m_sigmoid[i] = (fraction - kLow) / (kHigh - kLow);
        m_v[i] = -std::log(1 / m_sigmoid[i] - 1);
    }
}

void LearnedRounding::difference(std::span<float> to) const {
    const Run run = runOf(m_places, m_begin, m_weights);
    switch (m_set) {
        case InstructionSet::Avx512:
            return differenceAvx512(run, m_sigmoid.data(), to.data());
        case InstructionSet::Avx2:
            return differenceAvx2(run, m_sigmoid.data(), to.data());
        case InstructionSet::Baseline:
            return differenceBody(run, m_sigmoid.data(), to.data());
    }
}

void LearnedRounding::descend(const Step& step, std::span<const float> gradients) {
    const Run run = runOf(m_places, m_begin, m_weights);
    const auto count = static_cast<float>(step.index + 1);
    const Rates rates{2 * step.weight, 2 * step.lambda * step.beta, step.beta > 0 ? step.beta - 1 : 1,
                      m_rate / (1 - std::pow(kFirst, count)), 1 / (1 - std::pow(kSecond, count))};
    float* v = m_v.data();
    float* sigmoid = m_sigmoid.data();
    float* first = m_first.data();
    float* second = m_second.data();
    switch (m_set) {
        case InstructionSet::Avx512:
            return descendAvx512(run, rates, gradients.data(), v, sigmoid, first, second);
        case InstructionSet::Avx2:
            return descendAvx2(run, rates, gradients.data(), v, sigmoid, first, second);
        case InstructionSet::Baseline:
            return descendBody(run, rates, gradients.data(), v, sigmoid, first, second);
    }
}

void LearnedRounding::decide(std::span<float> up) const {
    for (size_t i = 0; i < up.size(); ++i) up[i] = stretched(m_sigmoid[i]) >= 0.5F ? 1.0F : 0.0F;
}

void turnRow(const RoundingPlaces& places, size_t first, std::span<float> up, std::span<double> d,
             std::span<double> slope, std::span<const float> hessian) {
    const size_t count = up.size();
    std::vector<double> changes(count);
    std::vector<double> curves(count);
    std::vector<double> gains(count);
    double error = 0;
    for (size_t i = 0; i < count; ++i) {
        error += d[i] * slope[i];
        changes[i] = static_cast<double>(places.value(first + i, 1 - up[i])) -
                     static_cast<double>(places.value(first + i, up[i]));
        curves[i] = changes[i] * changes[i] * static_cast<double>(hessian[i * count + i]);
    }
    const double least = 1e-9 * error;
    const InstructionSet set = bestInstructionSet();
    const Row row{std::ssize(up), changes.data(), curves.data(), slope.data(), gains.data()};
    for (size_t turns = 0; turns < 4 * count; ++turns) {
        const double most = bestGain(row, set);
        if (!(most > least)) return;
        const auto best = static_cast<size_t>(std::ranges::find(gains, most) - gains.begin());
        const double change = changes[best];
        up[best] = 1 - up[best];
        d[best] += change;
        changes[best] = -change;
        follow(row, change, hessian.data() + best * count, set);
    }
}

}  // namespace quantscope
