// SPDX-License-Identifier: Apache-2.0
// 4-bit products, activations becoming codes and the saturating kernel, every table against plain loops.
#include <fmt/format.h>

#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel_rows.h"
#include "kernels/integer_gemm.h"

namespace quantscope {
namespace {

struct Case {
    int64_t m, n, k, groupSize;
    bool zeros;
    int code = -1;  ///< of every weight; -1: random
};

/// A 4-bit weight with its parameters, and activations of both kinds.
struct Operands {
    std::vector<uint8_t> codes;
    std::vector<float> scales;
    std::vector<uint8_t> zeros;
    std::vector<int8_t> x;
    std::vector<float> floats;
    std::vector<float> rowScales;
    std::vector<float> bias;
    int64_t size = 0;    ///< of a group
    int64_t groups = 0;  ///< an output channel
    Int4Source source;

    explicit Operands(const Case& c) {
        size = c.groupSize == 0 ? c.k : c.groupSize;
        groups = (c.k + size - 1) / size;
        std::mt19937 random(static_cast<uint32_t>(c.m * 1009 + c.n * 31 + c.k));
        const auto fill = [&](auto& values, int64_t count, const auto& value) {
            values.resize(static_cast<size_t>(count));
            for (auto& v : values) v = value();
        };
        const auto real = [&] { return static_cast<float>(random() % 2001) * 0.001F - 1.0F; };
        fill(codes, c.n * c.k, [&] { return static_cast<uint8_t>(c.code < 0 ? random() % 16 : c.code); });
        fill(scales, c.n * groups, real);
        fill(zeros, c.n * groups,
             [&] { return static_cast<uint8_t>(c.code < 0 ? random() % 16 : 15 - c.code); });
        fill(x, c.m * c.k, [&] { return static_cast<int8_t>(c.code < 0 ? random() : 0x80); });
        fill(floats, c.m * c.k, real);
        fill(rowScales, c.m, real);
        fill(bias, c.n, real);
        source = {codes.data(), c.n, c.k, c.groupSize, scales.data(), c.zeros ? zeros.data() : nullptr};
    }

    [[nodiscard]] int32_t weight(int64_t j, int64_t k) const {
        const int32_t zero = source.zeros != nullptr ? zeros[static_cast<size_t>(j * groups + k / size)] : 8;
        return codes[static_cast<size_t>(j * source.inputs + k)] - zero;
    }
    [[nodiscard]] float scale(int64_t j, int64_t group) const {
        return scales[static_cast<size_t>(j * groups + group)];
    }
};

std::string name(const Case& c) {
    return fmt::format("m{} n{} k{} group {}{} code {}", c.m, c.n, c.k, c.groupSize, c.zeros ? " zeros" : "",
                       c.code);
}

/// y[i][j] with int8 activations, in the order the header states.
float expectedW4A8(const Operands& o, int64_t i, int64_t j) {
    float y = 0;
    for (int64_t g = 0; g < o.groups; ++g) {
        int64_t sum = 0;
        for (int64_t k = g * o.size; k < std::min(o.source.inputs, (g + 1) * o.size); ++k) {
            sum += int64_t{o.weight(j, k)} * o.x[static_cast<size_t>(i * o.source.inputs + k)];
        }
        y = std::fma(o.scale(j, g), static_cast<float>(sum), y);
    }
    return std::fma(y, o.rowScales[static_cast<size_t>(i)], o.bias[static_cast<size_t>(j)]);
}

std::string checkW4A8(const KernelTable& table, const Case& c) {
    const Operands o(c);
    const auto packed = PackedInt4Weights::pack(o.source);
    if (!packed) return packed.error().message;
    std::vector<float> y(static_cast<size_t>(c.m * (c.n + 1)), 77.0F);
    const auto status = multiplyInt4(table, CodeView::of(o.x.data(), c.m, c.k), o.rowScales.data(), *packed,
                                     y.data(), c.n + 1, o.bias.data());
    if (!status) return status.error().message;
    for (int64_t i = 0; i < c.m; ++i) {
        for (int64_t j = 0; j <= c.n; ++j) {
            const float got = y[static_cast<size_t>(i * (c.n + 1) + j)];
            const float expected = j < c.n ? expectedW4A8(o, i, j) : 77.0F;
            if (got != expected)
                return fmt::format("{}: [{}][{}] is {}, not {}", name(c), i, j, got, expected);
        }
    }
    return {};
}

std::string checkW4A16(const KernelTable& table, const Case& c) {
    const Operands o(c);
    const auto packed = PackedInt4Weights::pack(o.source);
    if (!packed) return packed.error().message;
    std::vector<float> y(static_cast<size_t>(c.m * c.n));
    const MatrixView x{o.floats.data(), c.m, c.k, c.k};
    if (auto status = multiplyInt4(table, x, *packed, y.data(), 0, o.bias.data()); !status)
        return status.error().message;
    for (int64_t i = 0; i < c.m; ++i) {
        for (int64_t j = 0; j < c.n; ++j) {
            double sum = static_cast<double>(o.bias[static_cast<size_t>(j)]);
            double size = std::abs(sum);
            for (int64_t k = 0; k < c.k; ++k) {
                const double term = static_cast<double>(x.at(i, k)) *
                                    static_cast<double>(o.scale(j, k / o.size)) * o.weight(j, k);
                sum += term;
                size += std::abs(term);
            }
            const auto got = static_cast<double>(y[static_cast<size_t>(i * c.n + j)]);
            if (!(std::abs(got - sum) <= 3e-6 * size)) {
                return fmt::format("{}: [{}][{}] is {}, not {}", name(c), i, j, got, sum);
            }
        }
    }
    return {};
}

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const bool zeros : {false, true}) {
        for (const int64_t group : {0, 4, 32, 64, 128}) {
            for (int64_t m = 1; m <= 13; ++m) all.push_back({m, 37, 132, group, zeros});
            for (const int64_t n : {1, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32, 33, 65}) {
                all.push_back({2, n, 96, group, zeros});
            }
            for (const int64_t k : {1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 127, 129, 200, 576}) {
                all.push_back({1, 20, k, group, zeros});
                all.push_back({7, 33, k, group, zeros});
            }
            for (const int64_t m : {31, 32, 33, 150}) all.push_back({m, 49, 130, group, zeros});
            for (const int code : {0, 15}) all.push_back({3, 18, 200, group, zeros, code});
        }
    }
    return all;
}

}  // namespace

class Int4GemmTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data() { test::addTableRows(); }
    void w4a8();
    void w4a16();
    void errors();
    void quantizedRows_data();
    void quantizedRows();
    void staticRange();
    void rowsWithoutRange();
    void rowErrors();
    void saturating_data();
    void saturating();
};

void Int4GemmTest::w4a8() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const Case& c : cases()) {
        const std::string wrong = checkW4A8(*table, c);
        QVERIFY2(wrong.empty(), wrong.c_str());
    }
}

void Int4GemmTest::w4a16() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const Case& c : cases()) {
        const std::string wrong = checkW4A16(*table, c);
        QVERIFY2(wrong.empty(), wrong.c_str());
    }
}

void Int4GemmTest::errors() {
    QFETCH_GLOBAL(const KernelTable*, table);
    Operands o({2, 3, 64, 32, true});
    const auto packed = PackedInt4Weights::pack(o.source);
    QVERIFY(packed);
    std::vector<float> y(16);
    const MatrixView x{o.floats.data(), 2, 63, 63};
    QCOMPARE(multiplyInt4(*table, x, *packed, y.data()).error().kind, ErrorKind::InvalidArgument);
    const CodeView unsignedCodes{o.x.data(), false, 2, 64, 64};
    QCOMPARE(multiplyInt4(*table, unsignedCodes, o.rowScales.data(), *packed, y.data()).error().kind,
             ErrorKind::InvalidArgument);
    const auto fieldOf = [](const Int4Source& source) {
        const auto result = PackedInt4Weights::pack(source);
        return result ? std::string("none") : result.error().field;
    };
    Int4Source bad = o.source;
    bad.groupSize = 30;
    QCOMPARE(fieldOf(bad), std::string("group"));
    bad = o.source;
    bad.inputs = 0;
    QCOMPARE(fieldOf(bad), std::string("shape"));
    o.scales[1] = std::numeric_limits<float>::quiet_NaN();
    QCOMPARE(fieldOf(o.source), std::string("scale"));
    o.scales[1] = 1;
    o.zeros[2] = 16;
    QCOMPARE(fieldOf(o.source), std::string("zero point"));
    o.zeros[2] = 0;
    o.codes[5] = 16;
    QCOMPARE(fieldOf(o.source), std::string("codes"));
}

void Int4GemmTest::quantizedRows_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<float>("scale");
    for (const bool isSigned : {true, false}) {
        for (const float scale : {1.0F, 1e-30F, 2e35F, 0.0173F}) {
            QTest::addRow("%s %g", isSigned ? "s8" : "u8", static_cast<double>(scale)) << isSigned << scale;
        }
    }
}

void Int4GemmTest::quantizedRows() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(bool, isSigned);
    QFETCH(float, scale);
    const auto kind = isSigned ? ActivationCodes::SymmetricS8 : ActivationCodes::AffineU8;
    for (const int64_t cols : {1, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 576}) {
        const int64_t rows = 5;
        std::vector<float> values(static_cast<size_t>(rows * cols));
        std::mt19937 random(static_cast<uint32_t>(cols));
        for (float& v : values) v = scale * (static_cast<float>(random() % 2001) - 700.0F);
        const MatrixView x{values.data(), rows, cols, cols};
        QuantizedRows got;
        QuantizedRows expected;
        QVERIFY(quantizeRows(*table, x, kind, got));
        QVERIFY(quantizeRows(*kernelTables().back(), x, kind, expected));
        QCOMPARE(got.codes, expected.codes);
        QCOMPARE(got.scales, expected.scales);
        QCOMPARE(got.zeros, expected.zeros);
        for (int64_t i = 0; i < rows; ++i) {
            for (int64_t k = 0; k < cols; ++k) {
                const auto at = static_cast<size_t>(i * cols + k);
                const int32_t code = isSigned ? static_cast<int8_t>(got.codes[at]) : got.codes[at];
                const int32_t zero = isSigned ? 0 : got.zeros[static_cast<size_t>(i)];
                const auto step = static_cast<double>(got.scales[static_cast<size_t>(i)]);
                // Half a step, and another half where an affine zero point was rounded at the end of the
                // range.
                const double error = std::abs((code - zero) * step - static_cast<double>(values[at]));
                QVERIFY(error <= (isSigned ? 0.5001 : 1.0001) * step);
            }
        }
    }
}

void Int4GemmTest::staticRange() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const std::vector<float> values{0.25F, 0.75F, -0.25F, 1e30F, -1e30F, 63.4F};
    QuantizedRows rows;
    const MatrixView x{values.data(), 1, 6, 6};
    QVERIFY(quantizeRows(*table, x, ActivationCodes::SymmetricS8, rows, StaticRange{0.5F, 0}));
    const std::vector<int> expected{0, 2, 0, 127, -128, 127};  // 0.5 and 1.5 go to the even code
    for (size_t i = 0; i < expected.size(); ++i)
        QCOMPARE(int{static_cast<int8_t>(rows.codes[i])}, expected[i]);
    QVERIFY(quantizeRows(*table, x, ActivationCodes::AffineU8, rows, StaticRange{0.5F, 100}));
    const std::vector<int> affine{100, 102, 100, 255, 0, 227};
    for (size_t i = 0; i < affine.size(); ++i) QCOMPARE(int{rows.codes[i]}, affine[i]);
}

void Int4GemmTest::rowsWithoutRange() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const float value : {0.0F, -0.0F, 1e-42F, 1e-37F}) {
        const std::vector<float> values(20, value);
        QuantizedRows rows;
        QVERIFY(quantizeRows(*table, {values.data(), 1, 20, 20}, ActivationCodes::SymmetricS8, rows));
        QCOMPARE(rows.scales[0], 0.0F);
        QCOMPARE(rows.codes, std::vector<uint8_t>(20, 0));
    }
}

void Int4GemmTest::rowErrors() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                         -std::numeric_limits<float>::infinity()};
    for (const float value : bad) {
        for (const size_t at : {0, 15, 16, 17, 19}) {
            std::vector<float> values(60, 1.0F);
            values[20 + at] = value;
            values[45] = value;
            QuantizedRows rows;
            const auto status =
                quantizeRows(*table, {values.data(), 3, 20, 20}, ActivationCodes::SymmetricS8, rows);
            QVERIFY(!status);
            QVERIFY(status.error().message.find("row 1 ") != std::string::npos);
        }
    }
    const std::vector<float> fine(4, 1.0F);
    for (const float scale : {0.0F, -1.0F, 1e-45F, 1e-39F, bad[0], bad[1]}) {
        QuantizedRows rows;
        const auto status = quantizeRows(*table, {fine.data(), 1, 4, 4}, ActivationCodes::SymmetricS8, rows,
                                         StaticRange{scale, 0});
        QVERIFY(!status);
        QCOMPARE(status.error().field, std::string("scale"));
    }
}

void Int4GemmTest::saturating_data() {
    QTest::addColumn<int>("depth");
    for (const int depth : {0, 1, 2, 5}) QTest::addRow("%d", depth) << depth;
}

void Int4GemmTest::saturating() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(int, depth);
    for (const bool extreme : {false, true}) {
        const int64_t m = 3, n = 21, k = 70;
        std::mt19937 random(3);
        std::vector<uint8_t> x(static_cast<size_t>(m * k));
        std::vector<int8_t> w(static_cast<size_t>(n * k));
        for (uint8_t& v : x) v = extreme ? 255 : static_cast<uint8_t>(random());
        for (int8_t& v : w) v = extreme ? int8_t{-128} : static_cast<int8_t>(random());
        const auto packed = PackedInt8Weights::pack(w.data(), n, k);
        QVERIFY(packed);
        std::vector<int32_t> got(static_cast<size_t>(m * n));
        std::vector<int32_t> expected(got.size());
        const CodeView view = CodeView::of(x.data(), m, k);
        const auto counts = multiplySaturating16(*table, view, *packed, depth, got.data());
        const auto plain =
            multiplySaturating16(*kernelTables().back(), view, *packed, depth, expected.data());
        QVERIFY(counts);
        QVERIFY(plain);
        QCOMPARE(got, expected);
        QCOMPARE(counts->pairSums, m * n * 2 * ((k + 3) / 4));
        QCOMPARE(counts->saturatedPairs, plain->saturatedPairs);
        QCOMPARE(counts->additions, plain->additions);
        QCOMPARE(counts->saturatedAdditions, plain->saturatedAdditions);
        QVERIFY(counts->saturatedPairs > 0);
        // 255 * -128 * 2 = -65280 saturates everywhere: each pair sum is -32768.
        if (extreme) QCOMPARE(counts->saturatedPairs, m * n * k / 2);
        if (extreme && depth == 1) QCOMPARE(got[0], -32768 * k / 2);
    }
    const std::vector<int8_t> one{1, 2, 3, 4};
    const auto packed = PackedInt8Weights::pack(one.data(), 1, 4);
    int32_t y = 0;
    QVERIFY(!multiplySaturating16(*table, CodeView::of(one.data(), 1, 4), *packed, 1, &y));
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::Int4GemmTest)
#include "test_int4_gemm.moc"
