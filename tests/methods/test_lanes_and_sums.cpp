// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "methods/parts/row_lanes.h"
#include "numerics/gram_sums.h"
#include "numerics/linear_algebra.h"

using namespace quantscope;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> normals(int64_t count, uint64_t seed) {
    const CounterRandom random(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
    return values;
}

QuantizeParams paramsOf(int variation) {
    QuantizeParams params;
    params.group = {0.11F * static_cast<float>(variation + 1), static_cast<float>(variation % 5)};
    params.codeMin = 0;
    params.codeMax = variation % 2 == 0 ? 15 : 7;
    params.zeroPointInside = variation % 3 == 0;
    if (variation == 4) params.rounding = Rounding::Stochastic;
    if (variation == 5) params.rounding = Rounding::HalfAway;
    if (variation == 6) params.domain = ZeroPointDomain::Minimum;
    if (variation == 7) params.group.scale = 0;
    if (variation == 8) params.multiplyByInverse = true;
    return params;
}

bool sameBits(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

}  // namespace

/// Sums of calibration and columns of rows side by side, each instruction set against plain code.
class TestLanesAndSums : public QObject {
    Q_OBJECT
 private slots:
    void lanesThereAndBack() {
        constexpr int64_t kRows = 11;
        constexpr int64_t kCols = 9;
        const std::vector<float> values = normals(kRows * kCols, 4);
        std::vector<float> lanes(kCols * kRowLanes, kNan);
        toLanes(values.data(), kCols, kRows, kCols, lanes.data());
        for (size_t c = 0; c < kCols; ++c)
            for (size_t r = 0; r < kRowLanes; ++r)
                QCOMPARE(lanes[c * kRowLanes + r], r < kRows ? values[r * kCols + c] : 0.0F);
        std::vector<float> back(values.size());
        fromLanes(lanes.data(), kRows, kCols, back.data(), kCols);
        QCOMPARE(back, values);
    }

    /// Codes and values bit by bit as one CodeRounder's, and those as quantizeValue()'s.
    void lanesRoundAsOneValueDoes() {
        LaneRounder lanes;
        std::vector<CodeRounder> single;
        for (int64_t r = 0; r < kRowLanes; ++r) {
            lanes.assign(r, paramsOf(static_cast<int>(r)));
            single.emplace_back(paramsOf(static_cast<int>(r)));
        }
        std::vector<float> inputs = normals(200 * kRowLanes, 8);
        const std::vector<float> special{kNan, kInfinity, -kInfinity, 0.0F, -0.0F, 0.055F, 1e30F, -1e30F};
        for (size_t i = 0; i < special.size() * kRowLanes; ++i) inputs[i] = special[i / kRowLanes];
        for (const InstructionSet set : instructionSets())
            for (size_t trial = 0; trial < 200; ++trial) {
                const float* column = inputs.data() + trial * kRowLanes;
                float codes[kRowLanes];
                float values[kRowLanes];
                lanes.round(column, trial, 100, codes, values, set);
                for (size_t r = 0; r < kRowLanes; ++r) {
                    const float code = single[r].code(column[r], trial + r * 100);
                    QCOMPARE(codes[r], static_cast<float>(quantizeValue(
                                           column[r], paramsOf(static_cast<int>(r)), trial + r * 100)));
                    QVERIFY(sameBits(codes[r], code));
                    QVERIFY(sameBits(values[r], single[r].value(code)));
                }
            }
    }
};

QTEST_APPLESS_MAIN(TestLanesAndSums)
#include "test_lanes_and_sums.moc"
