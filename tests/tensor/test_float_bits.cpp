// SPDX-License-Identifier: Apache-2.0
// Exhaustive: every pattern of every small type, and every midpoint between neighbours.
#include <QtTest>
#include <cmath>
#include <functional>

#include "tensor/float_bits.h"

using namespace quantscope;

namespace {

struct Format {
    const char* name;
    int bits;
    std::function<float(uint32_t)> decode;
    std::function<uint32_t(float)> encode;
    FloatLayout layout;
};

const std::vector<Format>& formats() {
    static const std::vector<Format> all{
        {"f16", 16, [](uint32_t b) { return floatFromF16(static_cast<uint16_t>(b)); },
         [](float v) { return uint32_t{f16FromFloat(v)}; }, kF16Layout},
        {"bf16",
         16,
         [](uint32_t b) { return floatFromBf16(static_cast<uint16_t>(b)); },
         [](float v) { return uint32_t{bf16FromFloat(v)}; },
         {8, 7, FloatLayout::Special::Ieee}},
        {"e4m3", 8, [](uint32_t b) { return floatFromE4m3(static_cast<uint8_t>(b)); },
         [](float v) { return uint32_t{e4m3FromFloat(v)}; }, kE4m3Layout},
        {"e5m2", 8, [](uint32_t b) { return floatFromE5m2(static_cast<uint8_t>(b)); },
         [](float v) { return uint32_t{e5m2FromFloat(v)}; }, kE5m2Layout},
        {"e2m1", 4, [](uint32_t b) { return floatFromE2m1(static_cast<uint8_t>(b)); },
         [](float v) { return uint32_t{e2m1FromFloat(v)}; }, kE2m1Layout}};
    return all;
}

}  // namespace

class TestFloatBits : public QObject {
    Q_OBJECT
 private slots:
    void everyPatternSurvives_data() { addFormats(); }
    void everyPatternSurvives();
    void midpointsGoToTheEvenPattern_data() { addFormats(); }
    void midpointsGoToTheEvenPattern();
    void knownValues();
    void outOfRange();
    void e8m0();

 private:
    static void addFormats() {
        QTest::addColumn<int>("index");
        for (size_t i = 0; i < formats().size(); ++i) QTest::newRow(formats()[i].name) << static_cast<int>(i);
    }
};

void TestFloatBits::everyPatternSurvives() {
    QFETCH(int, index);
    const Format& f = formats()[static_cast<size_t>(index)];
    for (uint32_t bits = 0; bits < 1U << f.bits; ++bits) {
        const float value = f.decode(bits);
        // The formula with powers of two is the meaning; the fast forms must agree with it.
        const float meaning = decodeFloat(bits, f.layout);
        if (std::isnan(value)) {
            QVERIFY(std::isnan(meaning));
            QVERIFY(std::isnan(f.decode(f.encode(value))));
            continue;
        }
        QCOMPARE(bitsOf(value), bitsOf(meaning));
        QCOMPARE(f.encode(value), bits);
        QCOMPARE(encodeFloat(value, f.layout), bits);
    }
}

void TestFloatBits::midpointsGoToTheEvenPattern() {
    QFETCH(int, index);
    const Format& f = formats()[static_cast<size_t>(index)];
    const uint32_t sign = 1U << (f.bits - 1);
    for (uint32_t bits = 0; bits + 1 < sign; ++bits) {
        const double low = f.decode(bits);
        const double high = f.decode(bits + 1);
        if (!std::isfinite(low) || !std::isfinite(high)) continue;
        const auto middle = static_cast<float>((low + high) / 2);
        const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
        QCOMPARE(f.encode(middle), even);
        QCOMPARE(f.encode(-middle), even | sign);
        QCOMPARE(f.encode(std::nextafter(middle, HUGE_VALF)), bits + 1);
        QCOMPARE(f.encode(std::nextafter(middle, -HUGE_VALF)), bits);
    }
}

// Largest, smallest normal, smallest denormal of worked-examples 11 and the OCP documents.
void TestFloatBits::knownValues() {
    QCOMPARE(floatFromF16(0x7BFF), 65504.0F);
    QCOMPARE(floatFromBf16(0x7F7F), 0x1.FEp127F);
    QCOMPARE(floatFromE4m3(0x7E), 448.0F);
    QCOMPARE(floatFromE5m2(0x7B), 57344.0F);
    QCOMPARE(floatFromE2m1(0x7), 6.0F);
    QCOMPARE(floatFromF16(0x0400), 0x1p-14F);
    QCOMPARE(floatFromF16(0x0001), 0x1p-24F);
    const std::array<float, 8> e2m1{0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
    for (uint8_t i = 0; i < 8; ++i) QCOMPARE(floatFromE2m1(i), e2m1[i]);
}

void TestFloatBits::outOfRange() {
    const float infinity = std::numeric_limits<float>::infinity();
    QCOMPARE(f16FromFloat(65519.0F), uint16_t{0x7BFF});
    QCOMPARE(f16FromFloat(65520.0F), uint16_t{0x7C00});
    QCOMPARE(f16FromFloat(-infinity), uint16_t{0xFC00});
    QCOMPARE(bf16FromFloat(std::numeric_limits<float>::max()), uint16_t{0x7F80});
    QCOMPARE(e4m3FromFloat(1e9F), uint8_t{0x7E});
    QCOMPARE(e4m3FromFloat(-infinity), uint8_t{0xFE});
    QCOMPARE(e5m2FromFloat(61439.0F), uint8_t{0x7B});
    QCOMPARE(e5m2FromFloat(61440.0F), uint8_t{0x7C});
    QCOMPARE(e2m1FromFloat(100.0F), uint8_t{7});
    QCOMPARE(e2m1FromFloat(std::numeric_limits<float>::quiet_NaN()), uint8_t{0});
    QVERIFY(std::isnan(floatFromF16(f16FromFloat(std::numeric_limits<float>::quiet_NaN()))));
}

void TestFloatBits::e8m0() {
    for (int bits = 0; bits < 255; ++bits) {
        const auto byte = static_cast<uint8_t>(bits);
        QCOMPARE(std::ldexp(1.0, bits - 127), static_cast<double>(floatFromE8m0(byte)));
        QCOMPARE(e8m0FromFloat(floatFromE8m0(byte)), byte);
        QCOMPARE(e8m0FromFloat(-floatFromE8m0(byte)), byte);
        // Halfway between 2^k and 2^(k+1): to the even byte.
        if (bits < 254)
            QCOMPARE(int{e8m0FromFloat(floatFromE8m0(byte) * 1.5F)}, bits % 2 == 0 ? bits : bits + 1);
    }
    QVERIFY(std::isnan(floatFromE8m0(255)));
    QCOMPARE(e8m0FromFloat(std::numeric_limits<float>::infinity()), uint8_t{255});
    QCOMPARE(e8m0FromFloat(0.0F), uint8_t{0});
}

QTEST_APPLESS_MAIN(TestFloatBits)
#include "test_float_bits.moc"
