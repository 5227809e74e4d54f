// SPDX-License-Identifier: Apache-2.0
// Packing, accounting, layouts, errors, and the same result for any number of threads.
#include <QtTest>
#include <cmath>

#include "base/parallel_for.h"
#include "base/random.h"
#include "quant/packing.h"
#include "quant/passes/reference.h"
#include "quant/quantized_tensor.h"

using namespace quantscope;

namespace {

Scheme schemeOf(const QString& text) {
    const Result<Scheme> scheme = parseScheme(text.toStdString());
    return scheme ? *scheme : Scheme{};
}

Tensor randomTensor(Shape shape, uint64_t seed) {
    const CounterRandom random(seed);
    std::vector<float> values(static_cast<size_t>(elementCount(shape)));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i)) * 0.1F;
    return Tensor::fromFloats(std::move(shape), std::move(values));
}

}  // namespace

class TestQuantize : public QObject {
    Q_OBJECT
 private slots:
    void packsBits_data();
    void packsBits();
    void packedWordIsLittleEndian();
    void equalsTheScalarMeaning_data();
    void equalsTheScalarMeaning();
    void sameForAnyNumberOfThreads_data() { equalsTheScalarMeaning_data(); }
    void sameForAnyNumberOfThreads();
    void countsEveryBit_data();
    void countsEveryBit();
    void rejects_data();
    void rejects();
    void emptyTensors();
    void stopsWhenAsked();
};

void TestQuantize::packsBits_data() {
    QTest::addColumn<int>("bits");
    for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8, 16}) QTest::addRow("%d bits", bits) << bits;
}

void TestQuantize::packsBits() {
    QFETCH(int, bits);
    const CounterRandom random(static_cast<uint64_t>(bits));
    const int32_t offset = -(1 << (bits - 1));
    for (size_t count = 0; count <= 33; ++count) {
        std::vector<int32_t> codes(count);
        for (size_t i = 0; i < count; ++i)
            codes[i] = offset + static_cast<int32_t>(random.bits(100 * count + i) % (uint64_t{1} << bits));
        const auto size = packedBytes(static_cast<int64_t>(count), bits);
        QCOMPARE(size, (static_cast<int64_t>(count) * bits + 7) / 8);
        std::vector<std::byte> packed(static_cast<size_t>(size) + 1, std::byte{0xAA});
        packCodes(codes, offset, bits, packed.data());
        QVERIFY(packed.back() == std::byte{0xAA});
        std::vector<int32_t> back(count);
        unpackCodes(packed.data(), bits, offset, back);
        QCOMPARE(back, codes);
        for (size_t i = 0; i < count; ++i)
            QCOMPARE(unpackCode(packed.data(), bits, offset, static_cast<int64_t>(i)), codes[i]);
    }
}

void TestQuantize::packedWordIsLittleEndian() {
    std::array<std::byte, 3> packed{};
    packCodes(std::array<int32_t, 4>{1, 2, 3, 4}, 0, 3, packed.data());
    // 4 3 2 1 from the top: 100 011 010 001.
    QCOMPARE(static_cast<int>(packed[0]), 0b11010001);
    QCOMPARE(static_cast<int>(packed[1]), 0b1000);
}

void TestQuantize::equalsTheScalarMeaning_data() {
    QTest::addColumn<QString>("scheme");
    for (const char* text :
         {"int8", "int4/affine/group=64", "int3/group=7", "uint2/affine/tensor", "int5/input-channel",
          "int4/affine/block=5x9", "int16/token", "preset=q4_0", "preset=q5_1", "int4/stochastic=3/group=16",
          "int4/affine/float-zero/group=32", "int6/affine/minimum/no-zero/f16-scale",
          "int7/bf16-scale/half-away", "int4/percentile=2,98/group=64", "int4/mse/block=16x16",
          "int8/affine/kl/tensor", "int4/moving-average/tensor", "int4/manual=-0.1,0.2/affine"})
        QTest::newRow(text) << text;
}

void TestQuantize::equalsTheScalarMeaning() {
    QFETCH(QString, scheme);
    const Scheme s = schemeOf(scheme);
    const Tensor input = randomTensor({3, 13, 70}, 5);  // 39 rows of 70
    const auto quantized = quantize(input, s);
    QVERIFY2(quantized.has_value(), quantized ? "" : describe(quantized.error()).c_str());
    const auto params = chooseGroupParams(input.matrix(), s);
    const Tensor back = dequantize(*quantized);
    QCOMPARE(back.shape(), input.shape());
    const GroupLayout layout = GroupLayout::of(s, 39, 70);
    for (int64_t r = 0; r < 39; ++r)
        for (int64_t c = 0; c < 70; ++c) {
            const QuantizeParams p = quantizeParams(s, (*params)[static_cast<size_t>(layout.groupOf(r, c))]);
            const int32_t code = quantizeValue(input.matrix().at(r, c), p, static_cast<uint64_t>(r * 70 + c));
            QCOMPARE(quantized->code(r, c), code);
            QCOMPARE(back.matrix().at(r, c), dequantizeValue(code, p));
            QCOMPARE(dequantizeValue(code, quantized->paramsAt(r, c)), back.matrix().at(r, c));
        }
}

void TestQuantize::sameForAnyNumberOfThreads() {
    QFETCH(QString, scheme);
    const Scheme s = schemeOf(scheme);
    // Several ranges of every parallel loop: rows, groups, and row parts of a tall block.
    const bool searches = s.estimator == RangeEstimator::Mse || s.estimator == RangeEstimator::Kl;
    const Tensor input = randomTensor({searches ? 300 : 600, 1024}, 9);
    const int before = threadCount();
    limitThreadsOfCaller(1);
    const auto one = quantize(input, s);
    bool same = one.has_value();
    for (const int threads : {2, 3, 8}) {
        limitThreadsOfCaller(threads);
        const auto many = quantize(input, s);
        same = same && many && many->packedCodes() == one->packedCodes() && many->groups() == one->groups();
    }
    limitThreadsOfCaller(before);
    QVERIFY(same);
}

void TestQuantize::countsEveryBit_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<int>("rows");
    QTest::addColumn<int>("cols");
    QTest::addColumn<double>("bits");
    const auto row = [](const char* scheme, int rows, int cols, double bits) {
        QTest::addRow("%s %dx%d", scheme, rows, cols) << scheme << rows << cols << bits;
    };
    row("float", 4, 4, 32);
    row("int4/group=128", 8, 256, 4 + 32.0 / 128);
    row("int4/group=128/f16-scale", 8, 256, 4 + 16.0 / 128);
    row("int4/affine/group=128/f16-scale", 8, 256, 4 + 20.0 / 128);
    row("int4/affine/minimum/group=32/f16-scale", 8, 256, 5);
    row("preset=q8_0", 8, 256, 8.5);
    row("preset=q4_0", 8, 256, 4.5);
    row("preset=q5_1", 8, 256, 6);
    row("int3", 2, 5, (2 * 16 + 2 * 32) / 10.0);        // 15 bits a row are stored in 16
    row("int4/group=4", 1, 6, (24 + 2 * 32) / 6.0);     // ragged tail: a scale of its own
    row("uint4/affine/group=2", 1, 2, (8 + 40) / 2.0);  // scale 32 + zero point 4, to whole bytes
    row("int8/tensor", 100, 100, 8 + 32.0 / 10000);
}

void TestQuantize::countsEveryBit() {
    QFETCH(QString, scheme);
    QFETCH(int, rows);
    QFETCH(int, cols);
    QFETCH(double, bits);
    const Scheme s = schemeOf(scheme);
    QCOMPARE(bitsPerWeight(s, rows, cols), bits);
    if (s.isFloat()) return;
    const auto quantized = quantize(randomTensor({rows, cols}, 1), s);
    QCOMPARE(quantized->bitsPerWeight(), bits);
    QCOMPARE(static_cast<double>(quantized->totalBytes()) * 8 / (rows * cols), bits);
}

void TestQuantize::rejects_data() {
    QTest::addColumn<QString>("scheme");
    QTest::addColumn<float>("value");
    QTest::addColumn<QString>("mentions");
    QTest::newRow("nan") << "int8" << std::numeric_limits<float>::quiet_NaN() << "[2, 5]";
    QTest::newRow("infinity") << "int4/group=3" << -std::numeric_limits<float>::infinity() << "[2, 5]";
    QTest::newRow("float") << "float" << 0.0F << "float reference";
    QTest::newRow("f16 overflow") << "int8/f16-scale" << 1e10F << "f32-scale";
    QTest::newRow("minimum overflow") << "int8/affine/minimum/no-zero/f16-scale" << -1e6F << "f32-scale";
}

void TestQuantize::rejects() {
    QFETCH(QString, scheme);
    QFETCH(float, value);
    QFETCH(QString, mentions);
    std::vector<float> values(4 * 7, 0.5F);
    values[2 * 7 + 5] = value;
    const auto quantized = quantize(Tensor::fromFloats({4, 7}, values), schemeOf(scheme));
    QVERIFY(!quantized.has_value());
    QCOMPARE(quantized.error().kind, ErrorKind::InvalidArgument);
    const QString message = QString::fromStdString(describe(quantized.error()));
    QVERIFY2(message.contains(mentions), qPrintable(message));
}

void TestQuantize::emptyTensors() {
    for (const Shape& shape : {Shape{0}, Shape{0, 8}, Shape{8, 0}}) {
        for (const char* text : {"int4/affine/group=64", "int8/tensor", "int8/kl", "int4/block=2x2"}) {
            const auto quantized = quantize(Tensor::fromFloats(shape, {}), schemeOf(text));
            QVERIFY(quantized.has_value());
            QCOMPARE(quantized->bitsPerWeight(), 0.0);
            QCOMPARE(dequantize(*quantized).shape(), shape);
        }
    }
}

void TestQuantize::stopsWhenAsked() {
    std::stop_source stop;
    stop.request_stop();
    const auto quantized = quantize(randomTensor({64, 64}, 2), schemeOf("int4/mse"), Job(stop.get_token()));
    QVERIFY(!quantized.has_value());
    QCOMPARE(quantized.error().kind, ErrorKind::Cancelled);
}

QTEST_APPLESS_MAIN(TestQuantize)
#include "test_quantize.moc"
