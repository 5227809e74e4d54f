// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/hqq_step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "numerics/nearest_even.h"

namespace quantscope {
namespace {

constexpr size_t kChunk = 256;

[[gnu::always_inline]] inline float codeOf(float w, const HqqGroup& group, float codes) {
    const float q = nearestEven(w * group.inverse + group.zero);
    const float atLeast = q < 0.0F ? 0.0F : q;
    return atLeast > codes ? codes : atLeast;
}

/// Each weight's error and its part of the mean that is the next zero point, as if all errors shrank to 0.
struct Parts {
    std::array<float, kChunk> errors;
    std::array<float, kChunk> zeros;
};

struct PartsLoop {
    /// True if an error is above `zeroUpTo` (or NaN).
    [[gnu::always_inline]] static inline bool run(std::span<const float> w, float codes, float zeroUpTo,
                                                  HqqGroup group, Parts* parts) {
        int32_t above = 0;
        for (size_t i = 0; i < w.size(); ++i) {
            const float q = codeOf(w[i], group, codes);
            const float error = w[i] - (q - group.zero) / group.inverse;
            parts->errors[i] = error;
            parts->zeros[i] = q - w[i] * group.inverse;
            above |= std::abs(error) <= zeroUpTo ? 0 : 1;
        }
        return above != 0;
    }
};

struct CodesLoop {
    [[gnu::always_inline]] static inline void run(std::span<const float> w, float codes, HqqGroup group,
                                                  int32_t* result) {
        for (size_t i = 0; i < w.size(); ++i) result[i] = static_cast<int32_t>(codeOf(w[i], group, codes));
    }
};

/// The parts of the weights whose error does not shrink to 0.
void shrinkLargeErrors(std::span<const float> w, float codes, const HqqShrinkage& shrinkage,
                       const HqqGroup& group, Parts& parts) {
    for (size_t i = 0; i < w.size(); ++i) {
        if (std::abs(parts.errors[i]) <= shrinkage.zeroUpTo()) continue;
        parts.zeros[i] = codeOf(w[i], group, codes) - (w[i] - shrinkage(parts.errors[i])) * group.inverse;
    }
}

/// Up to which magnitude m is m <= m^(p-1) / beta, with a margin for all rounding.
float limitOf(float inverseBeta, float norm) {
    if (norm == 1) return inverseBeta;
    if (!(inverseBeta >= std::numeric_limits<float>::min())) return -1;
    const double exact = std::pow(static_cast<double>(inverseBeta), 1 / (2 - static_cast<double>(norm)));
    return static_cast<float>(0.999 * exact);
}

}  // namespace

HqqShrinkage::HqqShrinkage(float beta, float norm)
    : m_inverseBeta(1 / beta), m_norm(norm), m_zeroUpTo(limitOf(1 / beta, norm)) {}

float HqqShrinkage::operator()(float error) const {
    const float magnitude = std::abs(error);
    // |0|^(p-1) is infinite and the result 0, as in the peer.
    const float less = m_norm == 1 ? m_inverseBeta : m_inverseBeta * std::pow(magnitude, m_norm - 1);
    return std::copysign(std::max(magnitude - less, 0.0F), error);
}

double hqqStep(std::span<const float> weights, float codes, const HqqShrinkage& shrinkage, HqqGroup& group,
               InstructionSet set) {
    Parts parts;
    double errors = 0;
    double zeros = 0;
    for (size_t first = 0; first < weights.size(); first += kChunk) {
        const auto w = weights.subspan(first, std::min(kChunk, weights.size() - first));
        if (runWith<PartsLoop>(set, w, codes, shrinkage.zeroUpTo(), group, &parts))
            shrinkLargeErrors(w, codes, shrinkage, group, parts);
        for (size_t i = 0; i < w.size(); ++i) {
            errors += static_cast<double>(std::abs(parts.errors[i]));
            zeros += static_cast<double>(parts.zeros[i]);
        }
    }
    group.zero = static_cast<float>(zeros / static_cast<double>(weights.size()));
    return errors;
}

void hqqCodes(std::span<const float> weights, float codes, const HqqGroup& group, int32_t* result,
              InstructionSet set) {
    runWith<CodesLoop>(set, weights, codes, group, result);
}

}  // namespace quantscope
