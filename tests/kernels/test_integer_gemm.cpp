// SPDX-License-Identifier: Apache-2.0
// Integer products of every table against plain loops over the unpacked matrices.
#include <fmt/format.h>

#include <QTest>
#include <cmath>
#include <random>
#include <vector>

#include "emulated_units.h"
#include "kernel_rows.h"
#include "kernels/gemm_ladder.h"
#include "kernels/integer_gemm.h"
#include "kernels/x86/integer_amx.h"
#include "kernels/x86/integer_vnni.h"

namespace quantscope {
namespace {

/// How the codes of a case are chosen.
enum class Values { Random, AllLowest, AllHighest, LowestHighest };

struct Case {
    int64_t m, n, k;
    bool isSigned;
    Values values = Values::Random;
};

struct Operands {
    std::vector<uint8_t> x;  ///< as bits
    std::vector<int8_t> w;
    CodeView view;
};

Operands make(const Case& c, int64_t padding = 0) {
    Operands o;
    const int64_t stride = c.k + padding;
    o.x.resize(static_cast<size_t>(c.m * stride));
    o.w.resize(static_cast<size_t>(c.n * c.k));
    std::mt19937 random(static_cast<uint32_t>(c.m * 10007 + c.n * 101 + c.k));
    const uint8_t lowest = c.isSigned ? 0x80 : 0;
    const uint8_t highest = c.isSigned ? 0x7F : 0xFF;
    for (uint8_t& x : o.x) {
        x = c.values == Values::Random      ? static_cast<uint8_t>(random())
            : c.values == Values::AllLowest ? lowest
                                            : highest;
    }
    for (int8_t& w : o.w) {
        w = c.values == Values::Random       ? static_cast<int8_t>(random())
            : c.values == Values::AllHighest ? int8_t{127}
                                             : int8_t{-128};
    }
    o.view = {o.x.data(), c.isSigned, c.m, c.k, stride};
    return o;
}

int32_t code(const CodeView& x, int64_t i, int64_t k) {
    const int64_t at = i * x.stride + k;
    return x.isSigned ? static_cast<const int8_t*>(x.data)[at] : static_cast<const uint8_t*>(x.data)[at];
}

int64_t dot(const Operands& o, int64_t i, int64_t j, int32_t rowZero = 0, int32_t columnZero = 0) {
    int64_t sum = 0;
    const int64_t inputs = o.view.cols;
    for (int64_t k = 0; k < inputs; ++k) {
        sum +=
            int64_t{code(o.view, i, k) - rowZero} * (o.w[static_cast<size_t>(j * inputs + k)] - columnZero);
    }
    return sum;
}

std::string name(const Case& c) {
    return fmt::format("m{} n{} k{} {} {}", c.m, c.n, c.k, c.isSigned ? "s8" : "u8",
                       static_cast<int>(c.values));
}

/// Empty when the int32 product is right everywhere and nothing beside it was written.
std::string checkSums(const KernelTable& table, const Case& c, int64_t padding) {
    const Operands o = make(c, padding);
    const auto packed = PackedInt8Weights::pack(o.w.data(), c.n, c.k);
    if (!packed) return packed.error().message;
    constexpr int32_t kUntouched = 0x5A5A5A5A;
    const int64_t stride = c.n + padding;
    std::vector<int32_t> y(static_cast<size_t>(c.m * stride), kUntouched);
    if (auto status = multiplyInt8(table, o.view, *packed, y.data(), stride); !status)
        return status.error().message;
    for (int64_t i = 0; i < c.m; ++i) {
        for (int64_t j = 0; j < stride; ++j) {
            const int64_t expected = j < c.n ? dot(o, i, j) : kUntouched;
            const int32_t got = y[static_cast<size_t>(i * stride + j)];
            if (got != expected)
                return fmt::format("{}: [{}][{}] is {}, not {}", name(c), i, j, got, expected);
        }
    }
    return {};
}

/// Sizes around every tile: rows 1..14 and 16, 24; columns 1, 15..17, 31..33, 63..65; inputs 1..5, 63..65.
std::vector<Case> cases() {
    std::vector<Case> all;
    for (const bool isSigned : {true, false}) {
        for (int64_t m = 1; m <= 14; ++m) all.push_back({m, 33, 67, isSigned});
        for (const int64_t m : {16, 17, 23, 24, 25, 31, 32, 33, 48}) all.push_back({m, 47, 70, isSigned});
        for (const int64_t n : {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 63, 64, 65, 97}) {
            all.push_back({1, n, 33, isSigned});
            all.push_back({13, n, 64, isSigned});
        }
        for (const int64_t k : {1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 129, 576}) {
            all.push_back({1, 17, k, isSigned});
            all.push_back({5, 40, k, isSigned});
            all.push_back({19, 32, k, isSigned});
        }
        for (const Values values : {Values::AllLowest, Values::AllHighest, Values::LowestHighest}) {
            all.push_back({3, 33, 259, isSigned, values});
            all.push_back({13, 5, 4099, isSigned, values});
        }
        all.push_back({2, 3, isSigned ? kMaxInputsS8S8 : kMaxInputsU8S8, isSigned, Values::AllLowest});
        all.push_back({2, 3, isSigned ? kMaxInputsS8S8 : kMaxInputsU8S8, isSigned, Values::LowestHighest});
    }
    all.push_back({130, 200, 300, true});
    all.push_back({70, 1100, 576, true});
    return all;
}

void tilePanel(const Int8PanelCall& call) {
    test::EmulatedTiles tiles;
    integer::Amx<test::EmulatedTiles>::panel(tiles, call);
}

}  // namespace

class IntegerGemmTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data() { test::addTableRows(); }
    void sums();
    void dequantized_data();
    void dequantized();
    void errors();
    void emulated_data();
    void emulated();
    void ladder();
};

void IntegerGemmTest::sums() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const Case& c : cases()) {
        for (const int64_t padding : {0, 3}) {
            const std::string wrong = checkSums(*table, c, padding);
            QVERIFY2(wrong.empty(), wrong.c_str());
        }
    }
}

void IntegerGemmTest::dequantized_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<bool>("rowZeros");
    QTest::addColumn<bool>("columnZeros");
    QTest::addColumn<bool>("bias");
    QTest::addColumn<bool>("accumulate");
    QTest::newRow("symmetric") << true << false << false << false << false;
    QTest::newRow("bias") << true << false << false << true << false;
    QTest::newRow("u8 affine rows") << false << true << false << true << false;
    QTest::newRow("s8 affine rows") << true << true << false << false << false;
    QTest::newRow("affine weight") << true << false << true << false << false;
    QTest::newRow("u8, affine weight") << false << false << true << false << false;
    QTest::newRow("both affine") << false << true << true << true << true;
    QTest::newRow("s8, both affine") << true << true << true << true << false;
    QTest::newRow("accumulate") << true << false << false << false << true;
}

void IntegerGemmTest::dequantized() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(bool, isSigned);
    QFETCH(bool, rowZeros);
    QFETCH(bool, columnZeros);
    QFETCH(bool, bias);
    QFETCH(bool, accumulate);
    for (const Case& c : {Case{1, 40, 65, isSigned}, Case{14, 49, 64, isSigned}, Case{25, 5, 3, isSigned}}) {
        const Operands o = make(c);
        std::mt19937 random(7);
        const auto fill = [&](int64_t count) {
            std::vector<float> values(static_cast<size_t>(count));
            for (float& v : values) v = static_cast<float>(random() % 1000) * 0.001F - 0.3F;
            return values;
        };
        const auto rowScales = fill(c.m), columnScales = fill(c.n), biases = fill(c.n), old = fill(c.m * c.n);
        std::vector<int32_t> xZeros(static_cast<size_t>(c.m)), wZeros(static_cast<size_t>(c.n));
        for (int32_t& z : xZeros) z = static_cast<int32_t>(random() % 256) - (isSigned ? 128 : 0);
        for (int32_t& z : wZeros) z = static_cast<int32_t>(random() % 256) - 128;
        const Int8Dequantize how{rowScales.data(),
                                 columnScales.data(),
                                 bias ? biases.data() : nullptr,
                                 rowZeros ? xZeros.data() : nullptr,
                                 columnZeros ? wZeros.data() : nullptr,
                                 accumulate};
        const auto packed = PackedInt8Weights::pack(o.w.data(), c.n, c.k);
        QVERIFY(packed);
        std::vector<float> y = old;
        QVERIFY(multiplyInt8(*table, o.view, *packed, how, y.data()));
        for (int64_t i = 0; i < c.m; ++i) {
            for (int64_t j = 0; j < c.n; ++j) {
                const auto row = static_cast<size_t>(i), column = static_cast<size_t>(j);
                const auto at = static_cast<size_t>(i * c.n + j);
                const int64_t sum =
                    dot(o, i, j, rowZeros ? xZeros[row] : 0, columnZeros ? wZeros[column] : 0);
                float expected = std::fma(static_cast<float>(sum) * columnScales[column], rowScales[row],
                                          bias ? biases[column] : 0.0F);
                if (accumulate) expected += old[at];
                if (y[at] != expected) {
                    QFAIL(fmt::format("{}: [{}][{}] is {}, not {}", name(c), i, j, y[at], expected).c_str());
                }
            }
        }
    }
}

void IntegerGemmTest::errors() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const std::vector<int8_t> w(static_cast<size_t>(kMaxInputsS8S8 + 1), 1);
    const auto tooLong = PackedInt8Weights::pack(w.data(), 1, kMaxInputsS8S8 + 1);
    QVERIFY(!tooLong);
    QCOMPARE(tooLong.error().kind, ErrorKind::InvalidArgument);
    QVERIFY(tooLong.error().message.find("131071") != std::string::npos);
    QVERIFY(!PackedInt8Weights::pack(w.data(), 0, 4));
    const auto longest = PackedInt8Weights::pack(w.data(), 1, kMaxInputsU8S8 + 1);
    QVERIFY(longest);
    std::vector<int32_t> y(16);
    const std::vector<uint8_t> x(w.size());
    const Status beyond =
        multiplyInt8(*table, CodeView::of(x.data(), 1, kMaxInputsU8S8 + 1), *longest, y.data());
    QVERIFY(!beyond);
    QVERIFY(beyond.error().message.find("65793") != std::string::npos);
    const auto packed = PackedInt8Weights::pack(w.data(), 3, 5);
    const Status mismatch = multiplyInt8(*table, CodeView::of(x.data(), 2, 6), *packed, y.data());
    QVERIFY(!mismatch);
    QCOMPARE(mismatch.error().kind, ErrorKind::InvalidArgument);
    QCOMPARE(mismatch.error().field, std::string("inputs"));
    const auto wide = PackedInt8Weights::pack(w.data(), 1, kMaxInputsAffine + 1);
    const float scale = 1;
    const int32_t zero = 1;
    float out = 0;
    const Status affine = multiplyInt8(*table, CodeView::of(x.data(), 1, kMaxInputsAffine + 1), *wide,
                                       {&scale, &scale, nullptr, &zero, &zero}, &out);
    QVERIFY(!affine);
    QVERIFY(affine.error().message.find("33025") != std::string::npos);
}

void IntegerGemmTest::emulated_data() {
    QTest::addColumn<bool>("tiles");
    QTest::newRow("AMX tiles") << true;
    QTest::newRow("AVX-VNNI, 8 lanes") << false;
}

void IntegerGemmTest::emulated() {
    QFETCH_GLOBAL(const KernelTable*, table);
    if (table != kernelTables().back()) return;  // once is enough: this is plain C++
    QFETCH(bool, tiles);
    KernelTable emulated = *table;
    emulated.integer.int8Panel = tiles ? tilePanel : integer::Vnni<test::EmulatedLanes>::panel;
    for (const Case& c : cases()) {
        if (c.m * c.n * c.k > 1000000) continue;
        const std::string wrong = checkSums(emulated, c, 3);
        QVERIFY2(wrong.empty(), wrong.c_str());
    }
}

void IntegerGemmTest::ladder() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const auto problem = LadderProblem::create(13, 35, 70);
    QVERIFY(problem);
    const auto timings = measureLadder(table->required, *problem, 1, {});
    QVERIFY(timings);
    QVERIFY(timings->size() >= 3);
    for (const LadderTiming& timing : *timings) {
        QVERIFY2(timing.exact, timing.rung.name.c_str());
        QVERIFY(timing.gops > 0);
    }
    std::vector<int32_t> y(13 * 35);
    QCOMPARE(runLadderRung("nobody", *problem, y.data()).error().kind, ErrorKind::NotFound);
    QVERIFY(!LadderProblem::create(1, 0, 1));
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::IntegerGemmTest)
#include "test_integer_gemm.moc"
