// SPDX-License-Identifier: Apache-2.0
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <cstring>

#include "export/awq_layout.h"
#include "export/bitsandbytes_layout.h"
#include "export/compressed_tensors_layout.h"
#include "export/export_layouts.h"
#include "export/gptq_layout.h"
#include "export/word_packing.h"
#include "export_inputs.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/variant.h"
#include "methods/parts/minifloat_codes.h"
#include "support/paths.h"
#include "tensor/float_bits.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

std::vector<uint8_t> decoded(const QJsonValue& base64) {
    const QByteArray bytes = QByteArray::fromBase64(base64.toString().toLatin1());
    return {bytes.begin(), bytes.end()};
}

template <class T>
std::vector<uint8_t> asBytes(const std::vector<T>& values) {
    std::vector<uint8_t> bytes(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::vector<float> floatsOf(const std::vector<uint8_t>& bytes) {
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
}

bool areClose(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
    return std::ranges::equal(a, b, [&](float x, float y) { return std::abs(x - y) <= tolerance; });
}

/// FP4 has a code for -0, which the peer writes for small negative values, and we do not.
std::vector<uint8_t> withOneZero(std::vector<uint8_t> bytes, bool fp4) {
    for (uint8_t& byte : bytes) {
        if (!fp4) break;
        if (byte >> 4 == 8) byte &= 0x0F;
        if ((byte & 0x0F) == 8) byte &= 0xF0;
    }
    return bytes;
}

}  // namespace

class LayoutsGoldenTest : public QObject {
    Q_OBJECT

 private slots:
    void initTestCase() {
        QFile file(QString::fromStdString(sourcePath("tests/golden/export/layouts.json")));
        QVERIFY(file.open(QIODevice::ReadOnly));
        m_golden = QJsonDocument::fromJson(file.readAll()).object();
        QVERIFY(!m_golden.isEmpty());
    }

    void gptq_data() {
        QTest::addColumn<int>("bits");
        for (const int bits : {2, 3, 4, 8}) QTest::addRow("%d bits", bits) << bits;
    }
    void gptq() {
        QFETCH(const int, bits);
        const QJsonObject golden = m_golden["gptq"][QString::number(bits)].toObject();
        ExportLayer layer = layerOf("int4/affine/group=32");
        layer.uniform = goldenWeight(bits, static_cast<uint32_t>(10 * bits));
        const auto v1 = packGptqV1(layer);
        const auto v2 = packGptqV2(layer);
        QVERIFY(v1 && v2);
        QCOMPARE(bytesOf(*v1, "qweight"), decoded(golden["qweight"]));
        QCOMPARE(bytesOf(*v2, "qweight"), decoded(golden["qweight"]));
        QCOMPARE(bytesOf(*v1, "qzeros"), decoded(golden["qzeros_v1"]));
        QCOMPARE(bytesOf(*v2, "qzeros"), decoded(golden["qzeros_v2"]));
        QCOMPARE(bytesOf(*v2, "scales"), decoded(golden["scales"]));
        QCOMPARE(bytesOf(*v2, "g_idx"), decoded(golden["g_idx"]));
    }

    void awq() {
        const QJsonObject golden = m_golden["awq"].toObject();
        ExportLayer layer = layerOf("int4/affine/group=32");
        layer.uniform = goldenWeight(4, 40);
        const auto packed = packAwq(layer);
        QVERIFY(packed);
        for (const char* part : {"qweight", "qzeros", "scales"})
            QCOMPARE(bytesOf(*packed, part), decoded(golden[part]));
    }

    void words_data() {
        QTest::addColumn<int>("bits");
        for (const int bits : {2, 3, 4, 5, 8}) QTest::addRow("%d bits", bits) << bits;
    }
    void words() {
        QFETCH(const int, bits);
        const QJsonObject golden = m_golden["compressed_tensors"][QString::number(bits)].toObject();
        const std::vector<uint8_t> codes = goldenCodes(6, 40, bits, static_cast<uint32_t>(bits));
        const auto columns = packAlongColumns(codes, 6, 40, bits);
        const auto rows = packAlongRows(codes, 6, 40, bits);
        QCOMPARE(asBytes(columns), decoded(golden["columns"]));
        QCOMPARE(asBytes(rows), decoded(golden["rows"]));
        QCOMPARE(unpackAlongColumns(columns, 6, 40, bits), codes);
        QCOMPARE(unpackAlongRows(rows, 6, 40, bits), codes);
    }

    void nibblesComeBack() {
        const std::vector<uint8_t> codes = goldenCodes(5, 48, 4, 3);
        for (const NibbleOrder& order : {kRunningOrder, kAwqOrder})
            QCOMPARE(unpackNibbles(packNibbles(codes, 5, 48, order), 5, 48, order), codes);
        QCOMPARE(packNibbles(codes, 5, 48, kRunningOrder), packAlongColumns(codes, 5, 48, 4));
        QVERIFY(packNibbles(codes, 5, 48, kAwqOrder) != packAlongColumns(codes, 5, 48, 4));
        QCOMPARE(transposed(transposed(codes, 5, 48), 48, 5), codes);
    }

    void compressedTensorsKeepsSmallFloats() {
        // What is stored decodes to the method's own values.
        struct Row {
            const char* variant;
            const char* format;
        };
        const Tensor weight = Tensor::fromFloats({48, 128}, goldenFloats(48 * 128, 5));
        for (const Row& row : {Row{"nvfp4", "nvfp4-pack-quantized"}, Row{"mxfp4", "mxfp4-pack-quantized"},
                               Row{"fp8", "float-quantized"}, Row{"fp8/scale=tensor", "float-quantized"},
                               Row{"fp8/scale=block", "float-quantized"}}) {
            ExportLayer layer = layerOf(row.variant);
            layer.weight = weight;
            const auto packed = packCompressedTensors(layer);
            QVERIFY2(packed, row.variant);
            QVERIFY2(packed->settings.find(row.format) != std::string::npos, packed->settings.c_str());
            const auto result = quantizeLayer({"x", weight}, layer.recipe, {});
            QVERIFY(result);
            const Tensor floats = result->floats();
            QVERIFY2(sameValues(layer.recipe, weight, floats), row.variant);
        }
    }

    void fp4Codes() {
        const std::vector<float> levels = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6, -0.5F, -1, -1.5F, -2, -3, -4, -6, 0};
        std::vector<uint8_t> bytes(8);
        for (size_t i = 0; i < levels.size(); ++i)
            bytes[i / 2] |= static_cast<uint8_t>(e2m1FromFloat(levels[i]) << (i % 2 == 0 ? 0 : 4));
        QCOMPARE(bytes, decoded(m_golden["fp4"]));
    }

    void bitsandbytesFourBits_data() {
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("variant");
        QTest::newRow("nf4") << "nf4"
                             << "nf4";
        QTest::newRow("nf4 double") << "nf4_double"
                                    << "nf4/double";
        QTest::newRow("fp4") << "fp4_bitsandbytes"
                             << "fp4";
    }
    void bitsandbytesFourBits() {
        QFETCH(const QString, key);
        QFETCH(const QString, variant);
        const QJsonObject golden = m_golden[key].toObject();
        ExportLayer layer = layerOf(variant.toStdString());
        layer.weight = Tensor::fromFloats({40, 512}, goldenFloats(40 * 512, 7));
        const auto packed = packBitsandbytes(layer);
        QVERIFY(packed);
        QCOMPARE(withOneZero(bytesOf(*packed, "weight"), variant == "fp4"),
                 withOneZero(decoded(golden["weight"]), variant == "fp4"));
        QCOMPARE(bytesOf(*packed, "weight.absmax"), decoded(golden["absmax"]));
        QCOMPARE(bytesOf(*packed, "weight.quant_map"), decoded(golden["quant_map"]));
        if (!golden.contains("nested_absmax")) return;
        // The offset is a mean: torch adds in float32, in an order of its own.
        QVERIFY(areClose(floatsOf(bytesOf(*packed, "weight.nested_absmax")),
                         floatsOf(decoded(golden["nested_absmax"])), 1e-7F));
        const auto state = bytesOf(*packed, "weight.quant_state.bitsandbytes__nf4");
        const QJsonObject parsed =
            QJsonDocument::fromJson(
                QByteArray(reinterpret_cast<const char*>(state.data()), std::ssize(state)))
                .object();
        QVERIFY(std::abs(parsed["nested_offset"].toDouble() - golden["nested_offset"].toDouble()) <= 1e-7);
        QCOMPARE(parsed["blocksize"].toInt(), 64);
    }

    void bitsandbytesEightBits() {
        // The peer quantizes the F16 values; the floats of this matrix are rounded to F16 first.
        std::vector<float> values = goldenFloats(8 * 64, 9);
        for (float& value : values) value = floatFromF16(f16FromFloat(value));
        const Tensor weight = Tensor::fromFloats({8, 64}, std::move(values));
        ExportLayer layer = layerOf("llm-int8/threshold=6");
        const auto result = quantizeLayer({"x", weight}, layer.recipe, {});
        QVERIFY(result && result->weight);
        auto uniform = uniformWeight(*result->weight);
        QVERIFY(uniform);
        layer.uniform = *uniform;
        const auto packed = packBitsandbytes(layer);
        QVERIFY2(packed, packed ? "" : describe(packed.error()).c_str());
        QCOMPARE(bytesOf(*packed, "weight"), decoded(m_golden["int8"].toObject()["weight"]));
        // absmax / 127 * 127 may differ in the last bit from absmax.
        const auto expected = decoded(m_golden["int8"].toObject()["scb"]);
        const auto got = bytesOf(*packed, "SCB");
        QCOMPARE(got.size(), expected.size());
        for (size_t i = 0; i < got.size() / 4; ++i) {
            float a = 0;
            float b = 0;
            std::memcpy(&a, got.data() + 4 * i, 4);
            std::memcpy(&b, expected.data() + 4 * i, 4);
            QVERIFY(std::abs(a - b) <= 1e-7F * std::abs(b));
        }
    }

    void whatALayoutCannotHoldIsSaid_data() {
        QTest::addColumn<QString>("layout");
        QTest::addColumn<QString>("variant");
        QTest::addColumn<QString>("fix");
        const auto row = [](const char* name, const char* layout, const char* variant, const char* fix) {
            QTest::newRow(name) << layout << variant << fix;
        };
        row("activations in AWQ", "awq", "int4/affine/group=32 @act=int8/token", "compressed-tensors");
        row("activations in GPTQ", "gptq", "int4/group=32 @act=int8/token", "compressed-tensors");
        row("8 bits in AWQ", "awq", "int8/affine/group=32", "gptq-v2");
        row("5 bits in GPTQ", "gptq", "int5/group=32", "2, 3, 4 or 8");
        row("int4 in bitsandbytes", "bitsandbytes", "int4/group=32", "nf4");
        row("int8 weights alone in bitsandbytes", "bitsandbytes", "int8/channel", "llm-int8");
        row("static inputs", "compressed-tensors", "int8/channel @act-static=int8/tensor", "@act=int8/token");
        row("outliers", "compressed-tensors", "llm-int8/threshold=6", "bitsandbytes");
        row("zero point 0", "gptq", "uint4/affine/group=32", "gptq-v2");
    }
    void whatALayoutCannotHoldIsSaid() {
        QFETCH(const QString, layout);
        QFETCH(const QString, variant);
        QFETCH(const QString, fix);
        const auto line = exportLayoutNamed(layout.toStdString());
        QVERIFY(line);
        ExportLayer layer = layerOf(variant.toStdString());
        // All positive: an affine zero point of 0.
        std::vector<float> values = goldenFloats(32 * 64, 2);
        for (float& value : values) value += 0.75F;
        const auto result =
            quantizeLayer({"x", Tensor::fromFloats({32, 64}, std::move(values))}, layer.recipe, {});
        QVERIFY2(result && result->weight, result ? "" : describe(result.error()).c_str());
        auto uniform = uniformWeight(*result->weight);
        QVERIFY(uniform);
        layer.uniform = *uniform;
        const auto packed = (*line)->pack(layer);
        QVERIFY(!packed);
        QCOMPARE(packed.error().kind, ErrorKind::Unsupported);
        QCOMPARE(packed.error().field, std::string("blk.0.attn_q"));
        QVERIFY2(QString::fromStdString(packed.error().fix).contains(fix), packed.error().fix.c_str());
    }

    void gridsWithoutIntegerZeroAreRefused() {
        for (const char* scheme : {"preset=q4_1", "int4/affine/zero=float/group=32", "int16/channel"}) {
            const auto parsed = parseScheme(scheme);
            if (!parsed) continue;
            const auto quantized = quantize(Tensor::fromFloats({32, 64}, goldenFloats(32 * 64, 2)), *parsed);
            QVERIFY(quantized);
            const auto uniform = uniformWeight(*quantized);
            QVERIFY2(!uniform, scheme);
            QCOMPARE(uniform.error().kind, ErrorKind::Unsupported);
            QVERIFY(!uniform.error().fix.empty());
        }
    }

    void uniformWeightsDecodeAsTheTensorDoes_data() {
        QTest::addColumn<QString>("scheme");
        for (const char* scheme :
             {"int4/group=32", "int4/affine/group=32", "uint4/affine/group=64", "int8/channel", "int4/tensor",
              "preset=gptq", "preset=gptq-affine", "preset=awq", "int3/symmetric/full/group=16"})
            QTest::newRow(scheme) << scheme;
    }
    void uniformWeightsDecodeAsTheTensorDoes() {
        QFETCH(const QString, scheme);
        auto parsed = parseScheme(scheme.toStdString());
        QVERIFY(parsed);
        if (parsed->granularity == Granularity::Group && parsed->groupSize == 128) parsed->groupSize = 64;
        const auto quantized = quantize(Tensor::fromFloats({32, 64}, goldenFloats(32 * 64, 2)), *parsed);
        QVERIFY(quantized);
        const auto uniform = uniformWeight(*quantized);
        QVERIFY2(uniform, uniform ? "" : describe(uniform.error()).c_str());
        const Tensor expected = dequantize(*quantized);
        const Tensor got = dequantize(*uniform);
        QVERIFY(std::ranges::equal(got.floats(), expected.floats()));
    }

    void permutedColumnsGoHome() {
        const auto parsed = parseScheme("int4/affine/group=32");
        std::vector<int32_t> order(64);
        for (int32_t j = 0; j < 64; ++j) order[static_cast<size_t>(j)] = (j * 37 + 5) % 64;
        const Tensor weight = Tensor::fromFloats({8, 64}, goldenFloats(8 * 64, 4));
        const auto quantized = quantize(weight, *parsed);
        const auto uniform = uniformWeight(*quantized, order);
        QVERIFY(uniform);
        const Tensor inOrder = dequantize(*quantized);
        const Tensor home = dequantize(*uniform);
        for (int64_t r = 0; r < 8; ++r)
            for (int64_t j = 0; j < 64; ++j)
                QCOMPARE(home.matrix().at(r, order[static_cast<size_t>(j)]), inOrder.matrix().at(r, j));
    }

 private:
    /// The codes of a small-float recipe, decoded by the format's formula, against the method's values.
    static bool sameValues(const Recipe& recipe, const Tensor& weight, const Tensor& expected) {
        const int64_t cols = weight.cols();
        for (int64_t r = 0; r < weight.rows(); ++r)
            for (int64_t c = 0; c < cols; ++c) {
                const auto at = static_cast<size_t>(r * cols + c);
                if (decodedValue(recipe, weight, at, r, c) != expected.matrix().at(r, c)) return false;
            }
        return true;
    }
    static float decodedValue(const Recipe& recipe, const Tensor& weight, size_t at, int64_t r, int64_t c) {
        if (recipe.method == "fp8") {
            static thread_local Fp8Codes codes;
            if (at == 0) codes = encodeFp8(weight, recipe);
            const int64_t across = (weight.cols() + codes.blockCols - 1) / codes.blockCols;
            return floatFromE4m3(codes.codes[at]) *
                   codes.scales[static_cast<size_t>(r / codes.blockRows * across + c / codes.blockCols)];
        }
        static thread_local Fp4Codes codes;
        const bool nvfp4 = recipe.method == "nvfp4";
        if (at == 0) codes = nvfp4 ? encodeNvfp4(weight) : encodeMxfp4(weight, recipe);
        const uint8_t scale =
            codes.scales[static_cast<size_t>(r * (weight.cols() / codes.block) + c / codes.block)];
        const float s = nvfp4 ? floatFromE4m3(scale) * codes.tensorScale : floatFromE8m0(scale);
        return floatFromE2m1(codes.codes[at]) * s;
    }

    QJsonObject m_golden;
};

QObject* quantscope::test::layoutsGoldenTest() {
    return new LayoutsGoldenTest;
}

#include "layouts_golden.moc"
