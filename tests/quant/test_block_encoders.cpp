// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "plain_block_encoders.h"
#include "quant/blocks/block_encoders_k.h"
#include "quant/blocks/block_layouts.h"

using namespace quantscope;

namespace {

float meanSquareOf(const Tensor& weight, int64_t row) {
    float sum = 0;
    for (int64_t c = 0; c < weight.cols(); ++c)
        sum += weight.matrix().row(row)[c] * weight.matrix().row(row)[c];
    return sum / static_cast<float>(weight.cols());
}

template <class Block, int Size>
std::vector<std::byte> plainBytes(const Tensor& weight, const float* importance) {
    std::vector<std::byte> bytes;
    for (int64_t r = 0; r < weight.rows(); ++r)
        for (int64_t c = 0; c < weight.cols(); c += Size) {
            Block block;
            const float* in = weight.matrix().row(r) + c;
            const float* factors = importance != nullptr ? importance + c : nullptr;
            if constexpr (requires { encodeBlock(in, factors, 0.0F, block); })
                encodeBlock(in, factors, meanSquareOf(weight, r), block);
            else
                encodeBlock(in, factors, block);
            const auto* from = reinterpret_cast<const std::byte*>(&block);
            bytes.insert(bytes.end(), from, from + sizeof block);
        }
    return bytes;
}

std::vector<std::byte> plainBytes(DType dtype, const Tensor& weight, const float* importance) {
    switch (dtype) {
        case DType::Q2_K:
            return plainBytes<BlockQ2K, 256>(weight, importance);
        case DType::Q3_K:
            return plainBytes<BlockQ3K, 256>(weight, importance);
        case DType::Q4_K:
            return plainBytes<BlockQ4K, 256>(weight, importance);
        case DType::Q5_K:
            return plainBytes<BlockQ5K, 256>(weight, importance);
        case DType::Q6_K:
            return plainBytes<BlockQ6K, 256>(weight, importance);
        case DType::Q5_0:
            return plainBytes<BlockQ5_0, 32>(weight, importance);
        case DType::Q5_1:
            return plainBytes<BlockQ5_1, 32>(weight, importance);
        default:
            return plainBytes<BlockIq4Nl, 32>(weight, importance);
    }
}

using Fill = float (*)(const CounterRandom& random, size_t i);

struct Values {
    const char* name;
    Fill fill;
};

float normal(const CounterRandom& random, size_t i) {
    return static_cast<float>(random.normal(i));
}

/// What a weight may look like, and what it should not.
const std::vector<Values> kValues{
    {"normal", [](const CounterRandom& random, size_t i) { return 0.05F * normal(random, i); }},
    {"zeros", [](const CounterRandom&, size_t) { return 0.0F; }},
    {"constant runs", [](const CounterRandom&, size_t i) { return static_cast<float>(i / 16 % 5) - 2; }},
    {"zero runs",
     [](const CounterRandom& random, size_t i) { return i / 16 % 3 == 0 ? 0.0F : normal(random, i); }},
    {"positive", [](const CounterRandom& random, size_t i) { return std::abs(normal(random, i)) + 0.01F; }},
    {"negative", [](const CounterRandom& random, size_t i) { return -std::abs(normal(random, i)); }},
    {"ties", [](const CounterRandom&, size_t i) { return 0.5F * (static_cast<float>(i * 7 % 33) - 16); }},
    {"runs of all sizes",
     [](const CounterRandom& random, size_t i) {
         return std::ldexp(normal(random, i), static_cast<int>(i / 16 * 5 % 37) - 24);
     }},
    {"single weights",
     [](const CounterRandom& random, size_t i) { return i % 61 == 0 ? normal(random, i) : 0.0F; }},
    {"outliers",
     [](const CounterRandom& random, size_t i) { return normal(random, i) * (i % 97 == 3 ? 100.0F : 1.0F); }},
    {"near nothing", [](const CounterRandom& random, size_t i) { return 1e-15F * normal(random, i); }},
    {"denormal", [](const CounterRandom& random, size_t i) { return 1e-40F * normal(random, i); }},
    {"large", [](const CounterRandom& random, size_t i) { return 1e8F * normal(random, i); }},
};

}  // namespace

/// The loops over lanes, with each instruction set that the machine has, against plain code.
class TestBlockEncoders : public QObject {
    Q_OBJECT
 private slots:
    void bytesOfPlainCode_data() {
        QTest::addColumn<QString>("type");
        QTest::addColumn<int>("values");
        for (const char* type : {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "Q5_0", "Q5_1"})
            for (size_t i = 0; i < kValues.size(); ++i)
                QTest::addRow("%s %s", type, kValues[i].name) << QString(type) << static_cast<int>(i);
    }

    void bytesOfPlainCode() {
        QFETCH(QString, type);
        QFETCH(int, values);
        const DType dtype = *dtypeNamed(type.toStdString());
        const Values& which = kValues[static_cast<size_t>(values)];
        // Chunks of 16 units and a rest, rows that end within them.
        for (const auto& [rows, cols] : std::vector<std::pair<int64_t, int64_t>>{{1, 256}, {7, 768}}) {
            const CounterRandom random(static_cast<uint64_t>(rows));
            std::vector<float> weight(static_cast<size_t>(rows * cols));
            for (size_t i = 0; i < weight.size(); ++i) weight[i] = which.fill(random, i);
            compare(dtype, Tensor::fromFloats({rows, cols}, std::move(weight)));
        }
    }

    void firstElementThatIsNotFinite() {
        std::vector<float> weight(size_t{64} * 1024, 1.0F);
        weight[50000] = std::numeric_limits<float>::infinity();
        weight[20001] = std::numeric_limits<float>::quiet_NaN();
        const auto result = encodeSuperBlocks(Tensor::fromFloats({64, 1024}, weight), DType::Q3_K, {});
        QVERIFY(!result.has_value());
        QCOMPARE(static_cast<int>(result.error().kind), static_cast<int>(ErrorKind::InvalidArgument));
        QVERIFY(describe(result.error()).find("20001") != std::string::npos);
    }

 private:
    static void compare(DType dtype, const Tensor& weight) {
        const CounterRandom random(9);
        std::vector<float> importance(static_cast<size_t>(weight.cols()));
        for (size_t j = 0; j < importance.size(); ++j)
            importance[j] = j % 50 == 7 ? 0.0F : normal(random, j) * normal(random, j + 5000);
        for (float& value : importance) value = std::abs(value);
        const bool always = dtype == DType::Q5_0 || dtype == DType::Q5_1;
        QCOMPARE(encodeSuperBlocks(weight, dtype, {}).has_value(), !always);
        for (const bool weighted : {false, true}) {
            if (always && !weighted) continue;
            const auto expected = plainBytes(dtype, weight, weighted ? importance.data() : nullptr);
            for (const InstructionSet set : instructionSets()) {
                const auto encoded =
                    encodeSuperBlocks(weight, dtype, weighted ? importance : std::vector<float>{}, {}, set);
                QVERIFY(encoded.has_value());
                const auto got = encoded->bytes();
                QCOMPARE(got.size(), expected.size());
                const auto different = std::ranges::mismatch(got, expected).in1 - got.begin();
                QVERIFY2(std::memcmp(got.data(), expected.data(), got.size()) == 0,
                         qPrintable(QStringLiteral("byte %1, set %2, weighted %3")
                                        .arg(different)
                                        .arg(static_cast<int>(set))
                                        .arg(weighted)));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestBlockEncoders)
#include "test_block_encoders.moc"
