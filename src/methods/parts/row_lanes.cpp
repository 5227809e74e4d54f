// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/row_lanes.h"

#include <algorithm>
#include <cmath>

#include "numerics/nearest_even.h"

namespace quantscope {
namespace {

/// CodeRounder::code() and value() without their special cases.
struct RoundLoop {
    [[gnu::always_inline]] static inline void run(const LaneRounder::Quick* quick, const float* column,
                                                  float* codes, float* values) {
        const LaneRounder::Quick& p = *quick;
        for (int64_t r = 0; r < kRowLanes; ++r) {
            const float t = column[r] / p.scale[r] + p.inside[r];
            const float q = nearestEven(t) + p.outside[r];
            const float above = q < p.low[r] ? p.low[r] : q;
            codes[r] = p.high[r] < above ? p.high[r] : above;
            values[r] = p.scale[r] * (codes[r] - p.zero[r]);
        }
    }
};

}  // namespace

void toLanes(const float* values, int64_t stride, int64_t rows, int64_t count, float* lanes) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < count; ++c) lanes[c * kRowLanes + r] = values[r * stride + c];
    for (int64_t r = rows; r < kRowLanes; ++r)
        for (int64_t c = 0; c < count; ++c) lanes[c * kRowLanes + r] = 0;
}

void fromLanes(const float* lanes, int64_t rows, int64_t count, float* values, int64_t stride) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < count; ++c) values[r * stride + c] = lanes[c * kRowLanes + r];
}

void LaneRounder::assign(int64_t lane, const QuantizeParams& params) {
    const auto r = static_cast<size_t>(lane);
    m_rounders[r] = CodeRounder(params);
    const bool quick = m_rounders[r].isQuick();
    m_quick.scale[r] = quick ? params.group.scale : 1.0F;
    // -0 added to a number leaves it as it is, its sign too.
    m_quick.inside[r] = params.zeroPointInside ? params.group.zeroPoint : -0.0F;
    m_quick.outside[r] = params.zeroPointInside ? -0.0F : params.group.zeroPoint;
    m_quick.zero[r] = params.group.zeroPoint;
    m_quick.low[r] = static_cast<float>(params.codeMin);
    m_quick.high[r] = static_cast<float>(params.codeMax);
}

void LaneRounder::round(const float* column, uint64_t first, uint64_t step, float* codes, float* values,
                        InstructionSet set) const {
    runWith<RoundLoop>(set, &m_quick, column, codes, values);
    for (size_t r = 0; r < static_cast<size_t>(kRowLanes); ++r) {
        if (m_rounders[r].isQuick() && !std::isnan(column[r])) continue;
        codes[r] = m_rounders[r].code(column[r], first + r * step);
        values[r] = m_rounders[r].value(codes[r]);
    }
}

}  // namespace quantscope
