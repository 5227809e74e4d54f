// SPDX-License-Identifier: Apache-2.0
// Codes, scales, zero points and values of each ecosystem's own quantizer, bit for bit.
#include <QtTest>

#include "golden_file.h"
#include "quant/quantized_tensor.h"

using namespace quantscope;

namespace {

std::string compareCodes(const QuantizedTensor& got, const nlohmann::json& expected) {
    const std::vector<int32_t> codes = got.codes();
    for (size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] != expected[i].get<int32_t>())
            return "code " + std::to_string(i) + ": " + std::to_string(codes[i]) + " instead of " +
                   std::to_string(expected[i].get<int32_t>());
    }
    return {};
}

std::string compareGroups(const QuantizedTensor& got, const nlohmann::json& golden) {
    std::vector<float> scales;
    for (const GroupParams& group : got.groups()) scales.push_back(group.scale);
    std::string message = test::differenceOf(scales, test::floatsFromBits(golden["scales"]));
    for (size_t g = 0; g < scales.size() && message.empty(); ++g) {
        if (got.groups()[g].zeroPoint != golden["zeros"][g].get<float>())
            message = "zero point of group " + std::to_string(g);
    }
    return message;
}

}  // namespace

class TestPresets : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase();
    void agreesWithPeer_data();
    void agreesWithPeer();

 private:
    nlohmann::json m_golden;
};

void TestPresets::initTestCase() {
    m_golden = test::loadGolden("presets.json");
    QVERIFY(m_golden.is_object());
}

void TestPresets::agreesWithPeer_data() {
    QTest::addColumn<int>("index");
    const auto& cases = m_golden["cases"];
    for (size_t i = 0; i < cases.size(); ++i) {
        const std::string name = std::to_string(i) + " " + cases[i]["scheme"].get<std::string>() + " on " +
                                 cases[i]["input"].get<std::string>();
        QTest::newRow(name.c_str()) << static_cast<int>(i);
    }
}

void TestPresets::agreesWithPeer() {
    QFETCH(int, index);
    const auto& golden = m_golden["cases"][static_cast<size_t>(index)];
    const Result<Scheme> scheme = parseScheme(golden["scheme"].get<std::string>());
    QVERIFY2(scheme.has_value(), scheme ? "" : describe(scheme.error()).c_str());
    const auto quantized = quantize(test::goldenInput(m_golden, golden["input"].get<std::string>()), *scheme);
    QVERIFY2(quantized.has_value(), quantized ? "" : describe(quantized.error()).c_str());
    const std::string groups = compareGroups(*quantized, golden);
    QVERIFY2(groups.empty(), groups.c_str());
    const std::string codes = compareCodes(*quantized, golden["codes"]);
    QVERIFY2(codes.empty(), codes.c_str());
    const Tensor back = dequantize(*quantized);
    const std::string values = test::differenceOf(back.floats(), test::floatsFromBits(golden["values"]));
    QVERIFY2(values.empty(), values.c_str());
}

QTEST_APPLESS_MAIN(TestPresets)
#include "test_presets.moc"
