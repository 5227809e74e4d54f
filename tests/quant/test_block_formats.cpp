// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <cstring>

#include "base/parallel_for.h"
#include "golden_file.h"
#include "quant/blocks/block_formats.h"
#include "quant/blocks/block_layouts.h"
#include "quant/passes/to_float.h"
#include "quant/quantized_tensor.h"
#include "tensor/float_bits.h"

using namespace quantscope;

namespace {

std::vector<std::byte> bytesFromHex(const std::string& hex) {
    const QByteArray raw = QByteArray::fromHex(QByteArray::fromStdString(hex));
    std::vector<std::byte> bytes(static_cast<size_t>(raw.size()));
    std::memcpy(bytes.data(), raw.constData(), bytes.size());
    return bytes;
}

Tensor inputOf(const nlohmann::json& file, const nlohmann::json& golden) {
    if (golden["input"].is_string()) return test::goldenInput(file, golden["input"].get<std::string>());
    std::vector<float> values = test::floatsFromBits(golden["input"]);
    const Shape shape{1, static_cast<int64_t>(values.size())};
    return Tensor::fromFloats(shape, std::move(values));
}

std::string compareBytes(std::span<const std::byte> got, const std::vector<std::byte>& expected) {
    if (got.size() != expected.size()) return "size";
    for (size_t i = 0; i < got.size(); ++i)
        if (got[i] != expected[i])
            return "byte " + std::to_string(i) + ": " + std::to_string(static_cast<int>(got[i])) +
                   " instead of " + std::to_string(static_cast<int>(expected[i]));
    return {};
}

}  // namespace

class TestBlockFormats : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase();
    void agreesWithGguf_data();
    void agreesWithGguf();
    void presetEqualsBlockFormat_data();
    void presetEqualsBlockFormat();
    void everyCodeSurvives_data();
    void everyCodeSurvives();
    void convertsElementTypes_data();
    void convertsElementTypes();
    void floatTensorIsNotCopied();
    void rowsEqualTheWhole();
    void encodeErrors_data();
    void encodeErrors();

 private:
    nlohmann::json m_golden;
};

void TestBlockFormats::initTestCase() {
    m_golden = test::loadGolden("blocks.json");
    QVERIFY(m_golden.is_object());
}

void TestBlockFormats::agreesWithGguf_data() {
    QTest::addColumn<int>("index");
    const auto& cases = m_golden["cases"];
    for (size_t i = 0; i < cases.size(); ++i) {
        const std::string name = std::to_string(i) + " " + cases[i]["type"].get<std::string>();
        QTest::newRow(name.c_str()) << static_cast<int>(i);
    }
}

void TestBlockFormats::agreesWithGguf() {
    QFETCH(int, index);
    const auto& golden = m_golden["cases"][static_cast<size_t>(index)];
    const DType dtype = *dtypeNamed(golden["type"].get<std::string>());
    const std::vector<std::byte> bytes = bytesFromHex(golden["bytes"].get<std::string>());
    if (golden.contains("input")) {
        const Result<Tensor> encoded = encodeBlocks(inputOf(m_golden, golden), dtype);
        QVERIFY(encoded.has_value());
        const std::string difference = compareBytes(encoded->bytes(), bytes);
        QVERIFY2(difference.empty(), difference.c_str());
    }
    const auto count = static_cast<int64_t>(golden["values"].size());
    const Result<Tensor> decoded = toFloat32(Tensor::fromBytes(dtype, {1, count}, bytes));
    QVERIFY(decoded.has_value());
    const std::string difference =
        test::differenceOf(decoded->floats(), test::floatsFromBits(golden["values"]));
    QVERIFY2(difference.empty(), difference.c_str());
}

void TestBlockFormats::presetEqualsBlockFormat_data() {
    QTest::addColumn<QString>("preset");
    QTest::addColumn<QString>("dtype");
    QTest::addColumn<QString>("input");
    for (const char* input : {"normal", "ties", "positive"})
        for (const char* type : {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"})
            QTest::addRow("%s %s", type, input)
                << ("preset=" + QString(type).toLower()) << QString(type) << QString(input);
}

void TestBlockFormats::presetEqualsBlockFormat() {
    QFETCH(QString, preset);
    QFETCH(QString, dtype);
    QFETCH(QString, input);
    const Tensor weight = test::goldenInput(m_golden, input.toStdString());
    const DType type = *dtypeNamed(dtype.toStdString());
    const auto quantized = quantize(weight, *parseScheme(preset.toStdString()));
    QVERIFY(quantized.has_value());
    const Result<Tensor> decoded = toFloat32(*encodeBlocks(weight, type));
    const std::vector<float> expected(decoded->floats().begin(), decoded->floats().end());
    const Tensor back = dequantize(*quantized);
    const std::string difference = test::differenceOf(back.floats(), expected);
    QVERIFY2(difference.empty(), difference.c_str());
    QCOMPARE(quantized->bitsPerWeight(), infoOf(type).bitsPerElement());
}

void TestBlockFormats::everyCodeSurvives_data() {
    QTest::addColumn<QString>("dtype");
    QTest::addColumn<int>("codes");
    QTest::addRow("Q4_0") << "Q4_0" << 16;
    QTest::addRow("Q4_1") << "Q4_1" << 16;
    QTest::addRow("Q5_0") << "Q5_0" << 32;
    QTest::addRow("Q5_1") << "Q5_1" << 32;
    QTest::addRow("Q8_0") << "Q8_0" << 255;
}

// Blocks whose values are exact levels of a power-of-two scale come back unchanged, each code in each place.
void TestBlockFormats::everyCodeSurvives() {
    QFETCH(QString, dtype);
    QFETCH(int, codes);
    const DType type = *dtypeNamed(dtype.toStdString());
    const bool minimum = dtype.endsWith("_1");
    const int first = minimum ? 0 : -(codes / 2);
    for (int shift = 0; shift < codes; ++shift) {
        std::vector<float> values;
        for (int j = 0; j < 32; ++j)
            values.push_back(0.25F * static_cast<float>(first + (j + shift) % codes) +
                             (minimum ? 1.5F : 0.0F));
        // Both ends must be there for the scale to come out as 0.25.
        values[static_cast<size_t>(shift % 16)] = 0.25F * static_cast<float>(first) + (minimum ? 1.5F : 0.0F);
        values[static_cast<size_t>(shift % 16 + 16)] =
            0.25F * static_cast<float>(first + codes - 1) + (minimum ? 1.5F : 0.0F);
        const Tensor input = Tensor::fromFloats({32}, values);
        const Result<Tensor> back = toFloat32(*encodeBlocks(input, type));
        const std::string difference = test::differenceOf(back->floats(), values);
        QVERIFY2(difference.empty(), difference.c_str());
    }
}

void TestBlockFormats::convertsElementTypes_data() {
    QTest::addColumn<int>("dtype");
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QList<float>>("expected");
    const auto add = [](DType type, auto values, const QList<float>& expected) {
        const QByteArray bytes(reinterpret_cast<const char*>(values.data()),
                               static_cast<qsizetype>(values.size() * sizeof(values[0])));
        QTest::newRow(std::string(infoOf(type).name).c_str()) << static_cast<int>(type) << bytes << expected;
    };
    add(DType::F64, std::vector<double>{0.1, -2, 1e300}, {0.1F, -2, std::numeric_limits<float>::infinity()});
    add(DType::F16, std::vector<uint16_t>{0x3C00, 0xC000, 0x0001}, {1, -2, 0x1p-24F});
    add(DType::BF16, std::vector<uint16_t>{0x3F80, 0xC000}, {1, -2});
    add(DType::F8E4M3, std::vector<uint8_t>{0x38, 0x7E, 0x01}, {1, 448, 0x1p-9F});
    add(DType::F8E5M2, std::vector<uint8_t>{0x3C, 0x7B, 0x01}, {1, 57344, 0x1p-16F});
    add(DType::E8M0, std::vector<uint8_t>{127, 0, 254}, {1, 0x1p-127F, 0x1p127F});
    add(DType::I64, std::vector<int64_t>{-5, 16777217}, {-5, 16777216});
    add(DType::I32, std::vector<int32_t>{-5, 7}, {-5, 7});
    add(DType::I16, std::vector<int16_t>{-300, 7}, {-300, 7});
    add(DType::I8, std::vector<int8_t>{-128, 7}, {-128, 7});
    add(DType::U64, std::vector<uint64_t>{~uint64_t{0}}, {0x1p64F});
    add(DType::U32, std::vector<uint32_t>{~uint32_t{0}}, {0x1p32F});
    add(DType::U16, std::vector<uint16_t>{65535}, {65535});
    add(DType::U8, std::vector<uint8_t>{255}, {255});
    add(DType::Bool, std::vector<uint8_t>{0, 1, 2}, {0, 1, 1});
}

void TestBlockFormats::convertsElementTypes() {
    QFETCH(int, dtype);
    QFETCH(QByteArray, bytes);
    QFETCH(QList<float>, expected);
    std::vector<std::byte> raw(static_cast<size_t>(bytes.size()));
    std::memcpy(raw.data(), bytes.constData(), raw.size());
    const Result<Tensor> got =
        toFloat32(Tensor::fromBytes(static_cast<DType>(dtype), {expected.size()}, raw));
    QVERIFY(got.has_value());
    const std::string difference =
        test::differenceOf(got->floats(), std::vector<float>(expected.begin(), expected.end()));
    QVERIFY2(difference.empty(), difference.c_str());
}

void TestBlockFormats::floatTensorIsNotCopied() {
    const Tensor input = Tensor::fromFloats({2}, {1, 2});
    const Result<Tensor> same = toFloat32(input);
    QCOMPARE(same->id(), input.id());
    QCOMPARE(same->bytes().data(), input.bytes().data());
}

void TestBlockFormats::rowsEqualTheWhole() {
    std::vector<float> values(40 * 96);
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
    for (const DType type : {DType::Q4_1, DType::Q8_0, DType::F16, DType::BF16, DType::F32}) {
        const Tensor tensor = *encodeBlocks(Tensor::fromFloats({4, 10, 96}, values), type);
        const Tensor whole = *toFloat32(tensor);
        std::vector<float> part(96 * 3);
        decodeRows(tensor, 17, 3, part.data());
        const std::string difference = test::differenceOf(whole.floats().subspan(17 * 96, 3 * 96), part);
        QVERIFY2(difference.empty(), difference.c_str());
    }
}

void TestBlockFormats::encodeErrors_data() {
    QTest::addColumn<int>("dtype");
    QTest::addColumn<int>("cols");
    QTest::addColumn<float>("value");
    QTest::addColumn<int>("kind");
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const auto row = [](const char* name, DType type, int cols, float value, ErrorKind kind) {
        QTest::newRow(name) << static_cast<int>(type) << cols << value << static_cast<int>(kind);
    };
    row("no encoder", DType::Q4_K, 256, 1, ErrorKind::Unsupported);
    row("integer", DType::I8, 32, 1, ErrorKind::Unsupported);
    row("ragged row", DType::Q8_0, 33, 1, ErrorKind::InvalidArgument);
    row("nan", DType::Q8_0, 64, nan, ErrorKind::InvalidArgument);
}

void TestBlockFormats::encodeErrors() {
    QFETCH(int, dtype);
    QFETCH(int, cols);
    QFETCH(float, value);
    QFETCH(int, kind);
    const Tensor input = Tensor::fromFloats({1, cols}, std::vector<float>(static_cast<size_t>(cols), value));
    const Result<Tensor> encoded = encodeBlocks(input, static_cast<DType>(dtype));
    QVERIFY(!encoded.has_value());
    QCOMPARE(static_cast<int>(encoded.error().kind), kind);
}

QTEST_APPLESS_MAIN(TestBlockFormats)
#include "test_block_formats.moc"
