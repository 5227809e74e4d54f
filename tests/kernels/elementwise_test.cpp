// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel_rows.h"
#include "quant/reference.h"

namespace quantscope {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Values around ties, limits and specials, then random ones.
std::vector<float> testValues(size_t count, float spread, bool specials) {
    static constexpr float kFirst[] = {0.0F, -0.0F, 0.5F,        -0.5F,  1.5F,
                                       2.5F, -2.5F, 0.49999997F, 1e-10F, -1e-10F};
    static constexpr float kSpecial[] = {kNan, kInf, -kInf, 1e-42F, -1e-42F, 3.4e38F, -3.4e38F, 8388609.0F};
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        values[i] = normal(random);
        if (i % 3 == 0) values[i] = kFirst[(i / 3) % std::size(kFirst)] * 0.05F;
        if (specials && i % 5 == 1) values[i] = kSpecial[(i / 5) % std::size(kSpecial)];
    }
    return values;
}

bool sameBits(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

bool close(double a, double b, double magnitude) {
    if (std::isinf(a) || std::isinf(b) || std::isnan(a) || std::isnan(b)) {
        return a == b || (std::isnan(a) && std::isnan(b));
    }
    return std::abs(a - b) <= 1e-12 * magnitude;
}

std::string difference(const ErrorSplit& a, const ErrorSplit& b) {
    const double all = b.signalSse + b.outputSse + b.totalSse();
    if (a.count != b.count) return "count";
    if (a.clippedCount != b.clippedCount) return "clippedCount";
    if (a.maxAbs != b.maxAbs) return "maxAbs";
    if (!close(a.clippingSse, b.clippingSse, b.clippingSse)) return "clippingSse";
    if (!close(a.roundingSse, b.roundingSse, b.roundingSse)) return "roundingSse";
    if (!close(a.signalSse, b.signalSse, b.signalSse)) return "signalSse";
    if (!close(a.outputSse, b.outputSse, b.outputSse)) return "outputSse";
    if (!close(a.dotProduct, b.dotProduct, all)) return "dotProduct";
    return {};
}

/// All passes of one table against quant's scalar functions; empty when they agree.
std::string compareOne(const ElementwiseKernels& k, const std::vector<float>& src, const QuantizeParams& p) {
    const auto count = static_cast<int64_t>(src.size());
    std::vector<float> fake(src.size() + 1, 77.0F);
    std::vector<float> decoded(src.size());
    std::vector<int32_t> codes(src.size() + 1, 77);
    k.fakeQuantize(src.data(), fake.data(), count, p);
    k.encode(src.data(), codes.data(), count, p);
    k.decode(codes.data(), decoded.data(), count, p);
    for (size_t i = 0; i < src.size(); ++i) {
        const int32_t code = quantizeValue(src[i], p, p.firstElement + i);
        const float value = dequantizeValue(code, p);
        const std::string where = " at " + std::to_string(i) + " of " + std::to_string(src.size()) +
                                  ", value " + std::to_string(src[i]) + ", code " + std::to_string(code);
        if (codes[i] != code) return "code " + std::to_string(codes[i]) + where;
        if (!sameBits(fake[i], value)) return "fake " + std::to_string(fake[i]) + where;
        if (!sameBits(decoded[i], value)) return "decoded " + std::to_string(decoded[i]) + where;
    }
    if (fake.back() != 77.0F || codes.back() != 77) return "wrote past the end of " + std::to_string(count);
    const std::string wrong = difference(k.quantizeError(src.data(), count, p), splitError(src, p));
    return wrong.empty() ? wrong : wrong + " of " + std::to_string(count) + " elements";
}

QuantizeParams paramsOf(const char* scheme, float low, float high) {
    const auto parsed = parseScheme(scheme);
    return parsed ? quantizeParams(*parsed, paramsFromRange(low, high, *parsed)) : QuantizeParams{};
}

/// Everything measureGroups gives for one run, counters added up.
struct Measured {
    std::vector<ErrorSplit> groups, columns;
    std::vector<uint64_t> codes, values, errors;

    [[nodiscard]] std::string differenceTo(const Measured& other) const {
        for (size_t i = 0; i < groups.size(); ++i)
            if (const std::string wrong = difference(groups[i], other.groups[i]); !wrong.empty())
                return "group " + std::to_string(i) + ": " + wrong;
        for (size_t i = 0; i < columns.size(); ++i)
            if (const std::string wrong = difference(columns[i], other.columns[i]); !wrong.empty())
                return "column " + std::to_string(i) + ": " + wrong;
        if (codes != other.codes) return "codes";
        if (values != other.values) return "histogram of values";
        return errors != other.errors ? "histogram of errors" : std::string();
    }
};

constexpr int kMeasureBins = 30;
constexpr float kMeasureLow = -0.4F;
constexpr float kMeasurePerUnit = kMeasureBins / 0.9F;

/// Adds up sets of counters; the last counter of a set is left out.
std::vector<uint64_t> addedUp(const std::vector<uint32_t>& counters, size_t each, size_t kept) {
    std::vector<uint64_t> sums(kept);
    for (size_t i = 0; i < counters.size(); ++i)
        if (i % each < kept) sums[i % each] += counters[i];
    return sums;
}

Measured measureWith(const ElementwiseKernels& k, const std::vector<float>& src, const GroupRun& run,
                     const QuantizeParams& p, bool sets) {
    const auto codes = static_cast<size_t>(p.codeMax - p.codeMin + 1);
    const size_t padded = src.size() + ColumnSinks::kPadding;
    const size_t copies = sets ? Counters::kSets : 1;
    std::vector<double> signal(padded), output(padded), sse(padded), clipping(padded);
    std::vector<float> maxAbs(padded);
    std::vector<int64_t> clipped(padded);
    std::vector<uint32_t> codeCounts(copies * codes), values(copies * (kMeasureBins + 1)), errors(values);
    Measured result;
    result.groups.resize((src.size() + static_cast<size_t>(run.groupSize) - 1) /
                         static_cast<size_t>(run.groupSize));
    const int64_t stride = sets ? kMeasureBins + 1 : 0;
    MeasureSinks sinks;
    sinks.groups = result.groups.data();
    sinks.columns = {signal.data(),   output.data(), sse.data(),
                     clipping.data(), maxAbs.data(), clipped.data()};
    sinks.codes = {codeCounts.data(), sets ? static_cast<int64_t>(codes) : 0};
    sinks.values = {{values.data(), stride}, kMeasureLow, kMeasurePerUnit, kMeasureBins};
    sinks.errors = {{errors.data(), stride}, kMeasureLow, kMeasurePerUnit, kMeasureBins};
    k.measureGroups(src.data(), static_cast<int64_t>(src.size()), run, p, sinks);
    for (size_t i = 0; i < src.size(); ++i)
        result.columns.push_back(
            {1, clipped[i], clipping[i], sse[i] - clipping[i], maxAbs[i], signal[i], 0, output[i]});
    result.codes = addedUp(codeCounts, codes, codes);
    result.values = addedUp(values, kMeasureBins + 1, kMeasureBins);
    result.errors = addedUp(errors, kMeasureBins + 1, kMeasureBins);
    return result;
}

Measured measureNaively(const std::vector<float>& src, const GroupRun& run, const QuantizeParams& shared) {
    const auto size = static_cast<size_t>(run.groupSize);
    Measured result;
    result.groups.resize((src.size() + size - 1) / size);
    result.codes.resize(static_cast<size_t>(shared.codeMax - shared.codeMin + 1));
    result.values.resize(kMeasureBins);
    result.errors.resize(kMeasureBins);
    const auto countBin = [](std::vector<uint64_t>& bins, float x) {
        const float position = std::max((x - kMeasureLow) * kMeasurePerUnit, 0.0F);
        ++bins[static_cast<size_t>(std::min(position, kMeasureBins - 1.0F))];
    };
    for (size_t i = 0; i < src.size(); ++i) {
        QuantizeParams p = shared;
        p.group = run.groups[i / size];
        p.encodeDiffers = run.encode != nullptr;
        if (p.encodeDiffers) p.encode = run.encode[i / size];
        p.firstElement = i;
        const float r = std::isnan(src[i]) ? 0.0F : src[i];
        const int32_t code = quantizeValue(r, p);
        ErrorSplit one = splitError({&r, 1}, p);
        result.groups[i / size].merge(one);
        one.dotProduct = 0;
        result.columns.push_back(one);
        ++result.codes[static_cast<size_t>(code - p.codeMin)];
        countBin(result.values, dequantizeValue(code, p));
        countBin(result.errors, r - dequantizeValue(code, p));
    }
    return result;
}

}  // namespace

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
    QuantizeParams shared = paramsOf("uint4/affine", -0.3F, 0.25F);
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
#include "elementwise_test.moc"
