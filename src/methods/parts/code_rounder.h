// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "numerics/nearest_even.h"
#include "quant/passes/quantize_params.h"
#include "quant/passes/reference.h"

namespace quantscope {

/// quantizeValue() and its value for one group, quick where the rounding is to nearest even: the same codes,
/// bit by bit. For loops that cannot work on whole runs because each code depends on the one before.
class CodeRounder {
 public:
    CodeRounder() : CodeRounder(QuantizeParams{}) {}
    explicit CodeRounder(const QuantizeParams& params)
        : m_params(params),
          m_quick(params.rounding == Rounding::HalfEven && !params.encodeDiffers &&
                  !params.multiplyByInverse && params.domain != ZeroPointDomain::Minimum &&
                  params.group.scale != 0),
          m_low(static_cast<float>(params.codeMin)),
          m_high(static_cast<float>(params.codeMax)) {}

    /// Whether codes of numbers (not NaN) need no call.
    [[nodiscard]] bool isQuick() const { return m_quick; }

    /// The code as a float; `element` matters to stochastic rounding alone.
    [[nodiscard]] float code(float value, uint64_t element) const {
        if (!m_quick || std::isnan(value)) return static_cast<float>(quantizeValue(value, m_params, element));
        float t = value / m_params.group.scale;
        if (m_params.zeroPointInside) t += m_params.group.zeroPoint;
        float q = nearestEven(t);
        if (!m_params.zeroPointInside) q += m_params.group.zeroPoint;
        return std::clamp(q, m_low, m_high);
    }
    [[nodiscard]] float value(float code) const {
        if (m_params.domain == ZeroPointDomain::Minimum)
            return m_params.group.scale * code + m_params.group.zeroPoint;
        return m_params.group.scale * (code - m_params.group.zeroPoint);
    }

 private:
    QuantizeParams m_params;
    bool m_quick;
    float m_low;
    float m_high;
};

}  // namespace quantscope
