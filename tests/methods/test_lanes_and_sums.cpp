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
    void gramOfAnyShape() {
        for (const InstructionSet set : instructionSets())
            for (const int64_t cols : {1, 7, 48, 49, 100, 150})
                for (const int64_t rows : {1, 5, 511, 600}) gram(set, rows, cols);
    }

    void momentsOfEveryColumn() {
        constexpr int64_t kRows = 37;
        constexpr int64_t kCols = 131;
        const std::vector<float> x = normals(kRows * kCols, 3);
        for (const InstructionSet set : instructionSets()) {
            std::vector<float> low(kCols, kInfinity);
            std::vector<float> high(kCols, -kInfinity);
            std::vector<double> sumAbs(kCols, 1.0);
            std::vector<double> squares(kCols, 2.0);
            addColumnMoments({x.data(), kRows, kCols, kCols}, 0, kCols,
                             {low.data(), high.data(), sumAbs.data(), squares.data()}, set);
            for (size_t c = 0; c < kCols; ++c) {
                float least = kInfinity;
                float most = -kInfinity;
                double size = 1;
                double square = 2;
                for (size_t r = 0; r < kRows; ++r) {
                    const float value = x[r * kCols + c];
                    least = std::min(least, value);
                    most = std::max(most, value);
                    size += static_cast<double>(std::abs(value));
                    square += static_cast<double>(value) * static_cast<double>(value);
                }
                QCOMPARE(low[c], least);
                QCOMPARE(high[c], most);
                QVERIFY(std::abs(sumAbs[c] - size) < 1e-12);
                QVERIFY(std::abs(squares[c] - square) < 1e-12);
            }
        }
    }

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

    void columnsTakeUpErrors() {
        constexpr size_t kCount = 23;
        const std::vector<float> errors = normals(kRowLanes, 5);
        const std::vector<float> factors = normals(kCount, 6);
        const std::vector<float> before = normals(kCount * kRowLanes, 7);
        for (const InstructionSet set : instructionSets()) {
            std::vector<float> after = before;
            subtractOuter(kCount, errors.data(), factors.data(), after.data(), set);
            for (size_t i = 0; i < after.size(); ++i) {
                const double product =
                    static_cast<double>(errors[i % kRowLanes]) * static_cast<double>(factors[i / kRowLanes]);
                QVERIFY(std::abs(static_cast<double>(after[i]) - (static_cast<double>(before[i]) - product)) <
                        1e-6);
            }
        }
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

 private:
    static void gram(InstructionSet set, int64_t rows, int64_t cols) {
        const int64_t stride = cols + 3;
        const std::vector<float> x = normals(rows * stride, 1);
        std::vector<float> panels;
        std::vector<double> sums(static_cast<size_t>(cols * cols), 0.5);
        addGram({x.data(), rows, cols, stride}, panels, sums.data(), set);
        for (int64_t i = 0; i < cols; ++i)
            for (int64_t j = 0; j <= i; ++j) {
                double expected = 0.5;
                for (int64_t r = 0; r < rows; ++r)
                    expected += static_cast<double>(x[static_cast<size_t>(r * stride + i)]) *
                                static_cast<double>(x[static_cast<size_t>(r * stride + j)]);
                QVERIFY(std::abs(sums[static_cast<size_t>(i * cols + j)] - expected) < 1e-3);
            }
    }
};

QTEST_APPLESS_MAIN(TestLanesAndSums)
#include "test_lanes_and_sums.moc"
