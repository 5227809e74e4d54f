// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "quant/estimators/run_extremes.h"
#include "quant/packing.h"
#include "quant/passes/codebook_runs.h"
#include "quant/passes/quantize_run.h"
#include "quant/passes/reference.h"

using namespace quantscope;

namespace {

/// Normal numbers of the given size, ties of all kinds, zeros of both signs, and what is no ordinary number.
std::vector<float> awkward(size_t count, double scale, uint64_t seed) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const CounterRandom random(seed);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        values[i] = static_cast<float>(random.normal(i) * scale);
        if (i % 5 == 1) values[i] = std::round(4 * values[i]) / 4;
        if (i % 11 == 3) values[i] = i % 2 == 0 ? 0.0F : -0.0F;
        if (i % 37 == 5) values[i] = std::numeric_limits<float>::quiet_NaN();
        if (i % 41 == 7) values[i] = i % 2 == 0 ? kInfinity : -kInfinity;
        if (i % 43 == 9) values[i] = std::numeric_limits<float>::denorm_min();
    }
    return values;
}

constexpr std::array<size_t, 8> kCounts{0, 1, 7, 16, 31, 64, 100, 1030};

bool sameBits(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

}  // namespace

/// Loops over runs of values, as compiled for each instruction set that the machine has, against the plain
/// functions for one value.
class TestRuns : public QObject {
    Q_OBJECT
 private slots:
    void uniformCodes() {
        for (const Rounding rounding :
             {Rounding::HalfEven, Rounding::HalfAway, Rounding::HalfUp, Rounding::Floor, Rounding::Ceil,
              Rounding::TowardZero, Rounding::Stochastic})
            for (const ZeroPointDomain domain :
                 {ZeroPointDomain::Integer, ZeroPointDomain::Float, ZeroPointDomain::Minimum})
                for (const bool inverse : {false, true})
                    for (const float scale : {0.25F, 0.3F, 0.0F}) {
                        Scheme scheme;
                        scheme.bits = 4;
                        scheme.mapping = Mapping::Affine;
                        scheme.rounding = rounding;
                        scheme.zeroPointDomain = domain;
                        scheme.multiplyByInverse = inverse;
                        codesOf(quantizeParams(scheme, {scale, -1.5F}));
                    }
    }

    void packedCodes() {
        for (const InstructionSet set : instructionSets())
            for (int bits = 1; bits <= 8; ++bits)
                for (const size_t count : kCounts) packed(set, bits, count);
    }

    void extremes() {
        for (const InstructionSet set : instructionSets())
            for (const int64_t run : {1, 3, 16, 17, 64, 300}) {
                std::vector<float> values = awkward(300, 1, 3);
                std::fill_n(values.begin(), 64, -0.0F);
                values[7] = 0.0F;
                for (float& value : values)
                    if (!std::isfinite(value)) value = 2;
                const auto count = std::ssize(values);
                std::vector<BlockExtremes> found(static_cast<size_t>((count + run - 1) / run));
                std::vector<BlockExtremes> expected = found;
                for (int64_t i = 0; i < std::ssize(expected); ++i)
                    expected[static_cast<size_t>(i)].add(values.data() + i * run,
                                                         std::min(run, count - i * run));
                addRuns(values.data(), count, run, found.data(), set);
                for (size_t i = 0; i < found.size(); ++i) {
                    QVERIFY(sameBits(found[i].low, expected[i].low));
                    QVERIFY(sameBits(found[i].high, expected[i].high));
                }
            }
    }

    void largestMagnitudes() {
        for (const InstructionSet set : instructionSets())
            for (const size_t count : kCounts) {
                const std::vector<float> values = awkward(count, 1, count);
                float largest = 0;
                for (const float value : values) largest = std::max(largest, std::abs(value));
                QCOMPARE(absMax(values.data(), std::ssize(values), set), largest);
            }
    }

    void valuesThatAreNotFinite() {
        constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
        constexpr float kInfinity = std::numeric_limits<float>::infinity();
        for (const InstructionSet set : instructionSets())
            for (const float bad : {kNan, -kNan, kInfinity, -kInfinity})
                for (const size_t place : {size_t{0}, size_t{17}, size_t{66}}) {
                    std::vector<float> values(67, -std::numeric_limits<float>::max());
                    QVERIFY(allFinite(values.data(), std::ssize(values), set));
                    values[place] = bad;
                    QVERIFY(!allFinite(values.data(), std::ssize(values), set));
                }
    }

    void firstOfTheNonFinite() {
        std::vector<float> values(1000 * 300, 1.0F);
        const MatrixView matrix{values.data(), 1000, 300, 300};
        QCOMPARE(firstNonFinite(matrix), -1);
        QCOMPARE(absMax(matrix), 1.0F);
        values[299999] = std::numeric_limits<float>::infinity();
        values[123456] = std::numeric_limits<float>::quiet_NaN();
        QCOMPARE(firstNonFinite(matrix), 123456);
    }

    void minifloats() {
        for (const InstructionSet set : instructionSets())
            for (const Minifloat& element : {kE4M3, kE5M2, kE2M3, kE3M2, kE2M1})
                for (const double size : {1.0, 100.0, 1e-3, 1e5, 1e-38})
                    for (const bool divide : {false, true}) rounded(set, element, size, divide);
    }

    void fewLevels() {
        for (const InstructionSet set : instructionSets())
            for (const std::span<const float> levels : {nf4Levels(), fp4Levels()})
                for (const bool divide : {false, true}) nearest(set, levels, divide);
    }

 private:
    static void codesOf(const QuantizeParams& params) {
        for (const InstructionSet set : instructionSets())
            for (const size_t count : kCounts) {
                const std::vector<float> values = awkward(count, 1, 11);
                std::vector<int32_t> codes(count);
                quantizeRun(values, params, codes.data(), set);
                std::vector<float> back(count);
                dequantizeRun(codes, params, back.data(), set);
                for (size_t i = 0; i < count; ++i) {
                    QCOMPARE(codes[i], quantizeValue(values[i], params, i));
                    QVERIFY(sameBits(back[i], dequantizeValue(codes[i], params)));
                }
            }
    }

    static void packed(InstructionSet set, int bits, size_t count) {
        const CounterRandom random(5);
        const int32_t offset = -(1 << (bits - 1));
        std::vector<int32_t> codes(count);
        for (size_t i = 0; i < count; ++i)
            codes[i] = static_cast<int32_t>(random.uniform(i) * (1 << bits)) + offset;
        std::vector<std::byte> bytes(static_cast<size_t>(packedBytes(std::ssize(codes), bits)) + 1,
                                     std::byte{0x5A});
        packCodes(codes, offset, bits, bytes.data(), set);
        QCOMPARE(bytes.back(), std::byte{0x5A});
        for (size_t i = 0; i < count; ++i)
            QCOMPARE(unpackCode(bytes.data(), bits, offset, static_cast<int64_t>(i)), codes[i]);
        std::vector<int32_t> back(count);
        unpackCodes(bytes.data(), bits, offset, back, set);
        QCOMPARE(back, codes);
    }

    static void rounded(InstructionSet set, const Minifloat& element, double size, bool divide) {
        constexpr float kFactor = 0.3F;
        const std::vector<float> values = awkward(1030, size, 17);
        std::vector<float> found(values.size());
        roundRun(values, element, {kFactor, divide}, 3.0F, found.data(), set);
        for (size_t i = 0; i < values.size(); ++i) {
            const float scaled = divide ? values[i] / kFactor : values[i] * kFactor;
            QVERIFY(sameBits(found[i], element.round(scaled) * 3.0F));
        }
        roundRun(values, element, {1, divide}, 1, found.data(), set);  // ties as they are
        for (size_t i = 0; i < values.size(); ++i) QVERIFY(sameBits(found[i], element.round(values[i])));
    }

    static void nearest(InstructionSet set, std::span<const float> levels, bool divide) {
        std::vector<float> values = awkward(1030, 0.4, 19);
        for (size_t i = 1; i < levels.size(); ++i) values[20 + i] = (levels[i - 1] + levels[i]) / 2;
        const NearestLevel plain(levels);
        const FewLevels few(levels);
        for (const float factor : {1.0F, 0.7F}) {
            std::vector<uint8_t> codes(values.size());
            std::vector<float> found(values.size());
            few.codes(values, {factor, divide}, codes.data(), set);
            few.values(values, {factor, divide}, 3.0F, found.data(), set);
            for (size_t i = 0; i < values.size(); ++i) {
                const auto code =
                    static_cast<size_t>(plain(divide ? values[i] / factor : values[i] * factor));
                QCOMPARE(static_cast<size_t>(codes[i]), code);
                QCOMPARE(found[i], levels[code] * 3.0F);
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestRuns)
#include "test_runs.moc"
