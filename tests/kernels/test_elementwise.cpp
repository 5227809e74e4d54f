// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "elementwise_reference.h"
#include "kernel_rows.h"

namespace quantscope {

using namespace test;

class ElementwiseTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data() { test::addTableRows(); }
    void schemes_data();
    void schemes();
    void hardParameters_data();
    void hardParameters();
    void groups_data();
    void groups();
    void measure_data() { groups_data(); }
    void measure();
    void extremes();
    void minMax();
    void histogram_data();
    void histogram();
    void conversions();
};

void ElementwiseTest::schemes_data() {
    QTest::addColumn<QuantizeParams>("params");
    for (const char* rounding :
         {"half-even", "half-away", "half-up", "floor", "ceil", "toward-zero", "stochastic"}) {
        for (const char* base :
             {"int4", "int8/symmetric/full", "int2/affine", "uint8/affine", "int16/affine"}) {
            const std::string text = std::string(base) + "/" + rounding;
            QTest::newRow(text.c_str()) << paramsOf(text.c_str(), -0.3F, 0.25F);
        }
        QuantizeParams p = paramsOf("uint4/affine", -0.3F, 0.25F);
        p.rounding = parseScheme(std::string("int4/") + rounding)->rounding;
        p.seed = 12345;
        p.firstElement = 1ULL << 40;
        p.zeroPointInside = true;
        QTest::addRow("inside/%s", rounding) << p;
        p.multiplyByInverse = true;
        QTest::addRow("inside/inverse/%s", rounding) << p;
        p.domain = ZeroPointDomain::Float;
        p.group.zeroPoint = 7.3F;
        QTest::addRow("float zero/%s", rounding) << p;
        p.zeroPointInside = false;
        p.domain = ZeroPointDomain::Minimum;
        p.group.zeroPoint = -0.3F;
        QTest::addRow("minimum/inverse/%s", rounding) << p;
        p.multiplyByInverse = false;
        p.group.scale = -p.group.scale;
        QTest::addRow("minimum/negative/%s", rounding) << p;
    }
}

void ElementwiseTest::schemes() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(QuantizeParams, params);
    for (const bool specials : {false, true}) {
        for (size_t count = 0; count <= 70; ++count) {
            const std::string wrong =
                compareOne(table->elementwise, testValues(count, 0.2F, specials), params);
            QVERIFY2(wrong.empty(), wrong.c_str());
        }
        const std::string wrong = compareOne(table->elementwise, testValues(10007, 0.2F, specials), params);
        QVERIFY2(wrong.empty(), wrong.c_str());
    }
}

void ElementwiseTest::hardParameters_data() {
    QTest::addColumn<QuantizeParams>("params");
    QuantizeParams p;
    p.codeMin = -8;
    p.codeMax = 7;
    const auto add = [&](const char* name, float scale, float zeroPoint) {
        p.group = {scale, zeroPoint};
        QTest::newRow(name) << p;
    };
    add("negative scale", -0.04F, 0);
    add("zero scale", 0, 0);
    add("zero scale, zero point", 0, 3);
    add("tiny scale", 1.2e-38F, 0);
    add("huge scale", 1e38F, 1);
    p.multiplyByInverse = true;
    add("zero scale, inverse", 0, 2);
    add("tiny scale, inverse", 1.2e-38F, 2);
    p.domain = ZeroPointDomain::Minimum;
    add("zero scale, minimum", 0, -0.7F);
    p = {};
    p.encodeDiffers = true;
    p.encode = {0.01F, 0};
    add("scale rounded after encoding", 0.0101F, 0);
    p.encode = {0, 0};
    add("encoded by zero", 0.0101F, 0);
}

void ElementwiseTest::hardParameters() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(QuantizeParams, params);
    for (const size_t count : {1UL, 8UL, 33UL, 1000UL}) {
        const std::string wrong = compareOne(table->elementwise, testValues(count, 1.0F, false), params);
        QVERIFY2(wrong.empty(), wrong.c_str());
    }
}

void ElementwiseTest::groups_data() {
    QTest::addColumn<int>("groupSize");
    QTest::addColumn<int>("count");
    for (const int groupSize : {1, 2, 7, 8, 15, 16, 17, 32, 64, 128, 1000}) {
        for (const int count : {1, 15, 16, 17, 33, 64, 576, 1001}) {
            QTest::addRow("%d in groups of %d", count, groupSize) << groupSize << count;
        }
    }
}

void ElementwiseTest::groups() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(int, groupSize);
    QFETCH(int, count);
    const std::vector<float> src = testValues(static_cast<size_t>(count), 0.2F, true);
    const auto size = static_cast<size_t>(groupSize);
    std::vector<GroupParams> groups;
    std::vector<GroupParams> encode;
    for (size_t g = 0; g * size < src.size(); ++g) {
        groups.push_back(
            {g % 9 == 4 ? 0.0F : 0.02F + 0.001F * static_cast<float>(g % 13), static_cast<float>(g % 5)});
        encode.push_back({groups.back().scale * 1.001F, groups.back().zeroPoint});
    }
    QuantizeParams shared = paramsOf("uint4/affine", -0.3F, 0.25F);
    for (const Rounding rounding : {Rounding::HalfEven, Rounding::Stochastic}) {
        for (const bool differs : {false, true}) {
            shared.rounding = rounding;
            shared.multiplyByInverse = differs;
            const GroupRun run{groups.data(), differs ? encode.data() : nullptr, groupSize};
            std::vector<float> fake(src.size());
            std::vector<float> streamed(src.size());
            std::vector<int32_t> codes(src.size());
            table->elementwise.fakeQuantizeGroups(src.data(), fake.data(), count, run, shared);
            table->elementwise.fakeQuantizeGroupsStreaming(src.data(), streamed.data(), count, run, shared);
            table->elementwise.encodeGroups(src.data(), codes.data(), count, run, shared);
            ErrorSplit expected;
            for (size_t i = 0; i < src.size(); ++i) {
                QuantizeParams p = shared;
                p.group = groups[i / size];
                p.encode = encode[i / size];
                p.encodeDiffers = differs;
                p.firstElement = i;
                const int32_t code = quantizeValue(src[i], p);
                QCOMPARE(codes[i], code);
                QVERIFY(sameBits(fake[i], dequantizeValue(code, p)));
                QVERIFY(sameBits(streamed[i], fake[i]));
                expected.merge(splitError({&src[i], 1}, p));
            }
            const std::string wrong =
                difference(table->elementwise.quantizeErrorGroups(src.data(), count, run, shared), expected);
            QVERIFY2(wrong.empty(), wrong.c_str());
            for (const bool streaming : {false, true}) {
                std::vector<float> both(src.size());
                const std::string bothWrong =
                    difference(table->elementwise.fakeQuantizeErrorGroups(src.data(), both.data(), count, run,
                                                                          shared, streaming),
                               expected);
                QVERIFY2(bothWrong.empty(), bothWrong.c_str());
                for (size_t i = 0; i < src.size(); ++i) QVERIFY(sameBits(both[i], fake[i]));
            }
        }
    }
}

void ElementwiseTest::measure() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(int, groupSize);
    QFETCH(int, count);
    // A NaN counts as 0; an infinite error has no place in sums that are compared.
    std::vector<float> src = testValues(static_cast<size_t>(count), 0.2F, false);
    src.back() = kNan;
    std::vector<GroupParams> groups;
    for (int g = 0; g * groupSize < count; ++g)
        groups.push_back(
            {g % 9 == 4 ? 0.0F : 0.02F + 0.001F * static_cast<float>(g % 13), static_cast<float>(g % 5)});
    std::vector<GroupParams> encode = groups;
    for (GroupParams& group : encode) group.scale *= 1.001F;
    // Grids of few levels are counted in another way than those of many.
    for (const char* scheme : {"int2/symmetric", "uint4/affine", "int5/affine", "int6/affine"}) {
        QuantizeParams shared = paramsOf(scheme, -0.3F, 0.25F);
        for (const Rounding rounding : {Rounding::HalfEven, Rounding::HalfAway, Rounding::Stochastic})
            for (const bool differs : {false, true})
                for (const bool sets : {false, true}) {
                    shared.rounding = rounding;
                    const GroupRun run{groups.data(), differs ? encode.data() : nullptr, groupSize};
                    const Measured got = measureWith(table->elementwise, src, run, shared, sets);
                    const std::string wrong = got.differenceTo(measureNaively(src, run, shared));
                    QVERIFY2(wrong.empty(), wrong.c_str());
                }
    }
}

void ElementwiseTest::extremes() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const bool specials : {false, true}) {
        for (size_t count = 0; count <= 70; ++count) {
            const std::vector<float> src = testValues(count, 3, specials);
            const auto n = static_cast<int64_t>(count);
            const Extremes a = table->elementwise.extremes(src.data(), n);
            const Extremes b = kernelTables().back()->elementwise.extremes(src.data(), n);
            QCOMPARE(a.minimum, b.minimum);
            QCOMPARE(a.maximum, b.maximum);
            QCOMPARE(a.count, b.count);
            QCOMPARE(a.nanCount, b.nanCount);
            QCOMPARE(a.infCount, b.infCount);
            QVERIFY(close(a.sum, b.sum, std::sqrt(b.sumOfSquares * static_cast<double>(count + 1))));
            QVERIFY(close(a.sumOfSquares, b.sumOfSquares, b.sumOfSquares));
        }
    }
    const std::vector<float> nothing(40, kNan);
    const Extremes e = table->elementwise.extremes(nothing.data(), 40);
    QCOMPARE(e.count, 0);
    QCOMPARE(e.nanCount, 40);
    QCOMPARE(e.maximum, 0.0F);
}

void ElementwiseTest::minMax() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const bool specials : {false, true}) {
        for (const int64_t groupSize : {1, 3, 16, 31, 32, 64, 200}) {
            for (const int64_t count : {1, 16, 31, 64, 100, 128}) {
                const std::vector<float> src = testValues(static_cast<size_t>(count), 3, specials);
                std::vector<float> low(static_cast<size_t>(count)), high(low), lowB(low), highB(low);
                const ElementwiseKernels& reference = kernelTables().back()->elementwise;
                QCOMPARE(
                    table->elementwise.minMaxGroups(src.data(), low.data(), high.data(), count, groupSize),
                    reference.minMaxGroups(src.data(), lowB.data(), highB.data(), count, groupSize));
                QVERIFY(low == lowB);
                QVERIFY(high == highB);
                const std::vector<float> other = testValues(static_cast<size_t>(count) + 3, 2, specials);
                QCOMPARE(table->elementwise.minMaxColumns(other.data() + 3, low.data(), high.data(), count),
                         reference.minMaxColumns(other.data() + 3, lowB.data(), highB.data(), count));
                QVERIFY(low == lowB);
                QVERIFY(high == highB);
            }
        }
    }
}

void ElementwiseTest::histogram_data() {
    QTest::addColumn<int>("bins");
    QTest::addColumn<float>("low");
    QTest::addColumn<float>("high");
    for (const int bins : {1, 2, 255, 256, 512, 513, 2048, 4096, 5000}) {
        QTest::addRow("%d bins", bins) << bins << -0.4F << 0.5F;
    }
    QTest::newRow("empty range") << 16 << 0.0F << 0.0F;
    QTest::newRow("infinite range") << 16 << -kInf << kInf;
}

void ElementwiseTest::histogram() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(int, bins);
    QFETCH(float, low);
    QFETCH(float, high);
    for (const size_t count : {0UL, 1UL, 15UL, 16UL, 17UL, 64UL, 65UL, 5003UL}) {
        const std::vector<float> src = testValues(count, 0.3F, true);
        std::vector<uint64_t> a(static_cast<size_t>(bins), 3);
        std::vector<uint64_t> b(a);
        const auto n = static_cast<int64_t>(count);
        table->elementwise.histogram(src.data(), n, low, high, bins, a.data());
        kernelTables().back()->elementwise.histogram(src.data(), n, low, high, bins, b.data());
        QVERIFY(a == b);
    }
}

void ElementwiseTest::conversions() {
    QFETCH_GLOBAL(const KernelTable*, table);
    std::vector<uint16_t> all(65536);
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
    std::vector<float> a(all.size()), b(all.size());
    const ElementwiseKernels& reference = kernelTables().back()->elementwise;
    for (const int64_t count : {65536, 70, 17, 3}) {
        for (const auto convert : {&ElementwiseKernels::fromF16, &ElementwiseKernels::fromBf16}) {
            (table->elementwise.*convert)(all.data() + 65536 - count, a.data(), count);
            (reference.*convert)(all.data() + 65536 - count, b.data(), count);
            for (size_t i = 0; i < static_cast<size_t>(count); ++i) QVERIFY(sameBits(a[i], b[i]));
        }
    }
    reference.fromF16(all.data(), b.data(), 65536);
    QCOMPARE(b[0x3C00], 1.0F);
    QCOMPARE(b[0x0001], 0x1.0p-24F);
    QCOMPARE(b[0xFBFF], -65504.0F);
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::ElementwiseTest)
#include "test_elementwise.moc"
