// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels for 4-bit weights and for activations on an emulated GPU, against plain loops and the
// CPU's kernels; and the emulation itself, which must see what a real block would get wrong now and then.
#include <fmt/format.h>

#include <QTest>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "cuda_emulation.h"
#include "kernels/cuda/int4_words.h"
#include "kernels/integer_gemm.h"

namespace quantscope {
namespace {

struct Case {
    int m, n, k;
};

}  // namespace

class CudaRowsTest : public QObject {
    Q_OBJECT
 private slots:
    void emulatorSeesMistakes_data();
    void emulatorSeesMistakes();
    void int4_data();
    void int4();
    void quantized_data();
    void quantized();
    void badRows();
};

void CudaRowsTest::emulatorSeesMistakes_data() {
    QTest::addColumn<int>("mistake");
    QTest::addColumn<QString>("says");
    QTest::newRow("no barrier") << 0 << "without a barrier";
    QTest::newRow("copy not awaited") << 1 << "on its way";
    QTest::newRow("copy awaited, no barrier") << 2 << "without a barrier";
    QTest::newRow("never written") << 3 << "nobody wrote";
    QTest::newRow("overwritten too early") << 4 << "may still read";
    QTest::newRow("two writers") << 5 << "and another write";
    QTest::newRow("beyond") << 6 << "beyond";
    QTest::newRow("none") << 7 << "";
}

void CudaRowsTest::emulatorSeesMistakes() {
    QFETCH(int, mistake);
    QFETCH(QString, says);
    alignas(16) const std::array<uint8_t, 16> source{};
    test::HostMachine machine(0, 0, 32, 1024, false);
    struct None {};
    test::HostMachine::Registers<None> registers(machine);
    const auto each = [&](const auto& f) {
        machine.eachThread(registers, [&](int thread, None&) { f(thread); });
    };
    const auto readNeighbour = [&] {
        each([&](int thread) { machine.loadShared(thread, 16 * ((thread + 1) % 32)); });
    };
    if (mistake == 1 || mistake == 2) {
        each([&](int thread) { machine.copyAsync(thread, 16 * thread, source.data(), 16); });
        machine.commitCopies();
        if (mistake == 2) machine.waitForCopies<0>();
        if (mistake == 1) machine.barrier();
        readNeighbour();
    } else if (mistake != 3) {
        each([&](int thread) { machine.storeShared(thread, 16 * (mistake == 5 ? 0 : thread), 1); });
        if (mistake == 4 || mistake == 7) machine.barrier();
        if (mistake == 6) each([&](int thread) { machine.storeShared(thread, 1024, 1); });
        readNeighbour();
        if (mistake == 4) each([&](int thread) { machine.storeShared(thread, 16 * thread, 2); });
    } else {
        readNeighbour();
    }
    const QString error = QString::fromStdString(machine.error());
    QVERIFY2(says.isEmpty() ? error.isEmpty() : error.contains(says), qPrintable(error));
}

void CudaRowsTest::int4_data() {
    QTest::addColumn<int>("groupSize");
    QTest::addColumn<bool>("zeros");
    for (const int groupSize : {0, 4, 12, 32, 64, 128}) {
        for (const bool zeros : {false, true}) {
            QTest::addRow("group %d%s", groupSize, zeros ? ", zeros" : "") << groupSize << zeros;
        }
    }
}

void CudaRowsTest::int4() {
    QFETCH(int, groupSize);
    QFETCH(bool, zeros);
    bool backwards = false;
    for (const Case& c : {Case{1, 1, 1},
                          {1, 9, 2},
                          {2, 8, 3},
                          {3, 7, 4},
                          {4, 17, 5},
                          {5, 9, 7},
                          {1, 8, 8},
                          {6, 5, 12},
                          {1, 20, 255},
                          {4, 7, 256},
                          {5, 3, 257},
                          {9, 10, 260},
                          {2, 16, 576}}) {
        std::mt19937 random(static_cast<uint32_t>(c.m + 100 * c.n + 10000 * c.k));
        const int64_t size = groupSize == 0 ? (c.k + 3) / 4 * 4 : groupSize;
        const int64_t groups = (c.k + size - 1) / size;
        const auto real = [&] { return static_cast<float>(random() % 2001) * 0.001F - 1.0F; };
        const int64_t pitch = cuda::pitchOf(int64_t{4} * c.k) / 4;
        std::vector<float> x(static_cast<size_t>(c.m * pitch), std::numeric_limits<float>::quiet_NaN());
        for (int i = 0; i < c.m; ++i)
            for (int k = 0; k < c.k; ++k) x[static_cast<size_t>(i * pitch + k)] = real();
        std::vector<uint8_t> codes(static_cast<size_t>(c.n) * static_cast<size_t>(c.k)),
            zeroPoints(static_cast<size_t>(c.n * groups));
        for (uint8_t& q : codes) q = random() % 16;
        for (uint8_t& z : zeroPoints) z = random() % 16;
        std::vector<float> scales(zeroPoints.size()), bias(static_cast<size_t>(c.n));
        for (float& s : scales) s = real();
        for (float& b : bias) b = real();
        const Int4Source source{codes.data(), c.n,           c.k,
                                size,         scales.data(), zeros ? zeroPoints.data() : nullptr};
        const std::vector<uint32_t> words = cuda::int4Words(codes.data(), c.n, c.k);
        std::vector<float> y(static_cast<size_t>(c.m) * static_cast<size_t>(c.n + 1), 77.0F);
        cuda::Int4Problem problem{x.data(),      pitch,        words.data(), (c.k + 7) / 8,
                                  scales.data(), source.zeros, bias.data(),  y.data(),
                                  c.n + 1,       c.m,          c.n,          c.k};
        problem.groups = static_cast<int>(groups);
        problem.groupSize = static_cast<int>(size);
        problem.groupShift = cuda::shiftOf(size);
        const std::string wrong = test::emulateInt4(problem, backwards);
        QVERIFY2(wrong.empty(), wrong.c_str());
        backwards = !backwards;
        for (int i = 0; i < c.m; ++i) {
            for (int j = 0; j < c.n; ++j) {
                double sum = static_cast<double>(bias[static_cast<size_t>(j)]);
                double magnitude = std::abs(sum);
                for (int k = 0; k < c.k; ++k) {
                    const auto group = static_cast<size_t>(j * groups + k / size);
                    const int zero = zeros ? zeroPoints[group] : 8;
                    const double term = static_cast<double>(x[static_cast<size_t>(i * pitch + k)]) *
                                        static_cast<double>(scales[group]) *
                                        (codes[static_cast<size_t>(j * c.k + k)] - zero);
                    sum += term;
                    magnitude += std::abs(term);
                }
                const auto got = static_cast<double>(y[static_cast<size_t>(i * (c.n + 1) + j)]);
                if (!(std::abs(got - sum) <= 1e-6 * magnitude))
                    QFAIL(fmt::format("{}: [{}][{}] is {}, not {}", fmt::format("m{} n{} k{}", c.m, c.n, c.k),
                                      i, j, got, sum)
                              .c_str());
            }
            QCOMPARE(y[static_cast<size_t>(i * (c.n + 1) + c.n)], 77.0F);
        }
    }
}

void CudaRowsTest::quantized_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<bool>("isFixed");
    QTest::addColumn<float>("scale");
    for (const bool isSigned : {true, false}) {
        for (const bool isFixed : {false, true}) {
            for (const float scale : {1.0F, 1e-30F, 2e35F, 0.0173F, 0.0F, 1e-37F}) {
                QTest::addRow("%s %s %g", isSigned ? "s8" : "u8", isFixed ? "fixed" : "dynamic",
                              static_cast<double>(scale))
                    << isSigned << isFixed << scale;
            }
        }
    }
}

void CudaRowsTest::quantized() {
    QFETCH(bool, isSigned);
    QFETCH(bool, isFixed);
    QFETCH(float, scale);
    const KernelTable& reference = *kernelTables().back();
    const auto kind = isSigned ? ActivationCodes::SymmetricS8 : ActivationCodes::AffineU8;
    const StaticRange fixed{0.5F, isSigned ? 0 : 100};
    for (const int64_t cols : {1, 2, 31, 32, 33, 255, 256, 257, 576}) {
        constexpr int64_t kRows = 3;
        std::vector<float> values(static_cast<size_t>(kRows * cols));
        std::mt19937 random(static_cast<uint32_t>(cols));
        for (float& v : values) v = scale * (static_cast<float>(random() % 2001) - 700.0F);
        QuantizedRows expected;
        QVERIFY(quantizeRows(reference, {values.data(), kRows, cols, cols}, kind, expected,
                             isFixed ? std::optional(fixed) : std::nullopt));
        std::vector<uint8_t> codes(values.size());
        std::vector<float> scales(kRows), back(values.size());
        std::vector<int32_t> zeros(kRows);
        int64_t firstBad = kRows;
        const cuda::QuantizeProblem problem{values.data(),
                                            cols,
                                            kRows,
                                            cols,
                                            isSigned,
                                            isFixed,
                                            {fixed.scale, 1 / fixed.scale, fixed.zero},
                                            codes.data(),
                                            cols,
                                            scales.data(),
                                            zeros.data(),
                                            &firstBad};
        const std::string wrong = test::emulateQuantize(problem);
        QVERIFY2(wrong.empty(), wrong.c_str());
        QCOMPARE(firstBad, kRows);
        QCOMPARE(codes, expected.codes);
        QCOMPARE(scales, expected.scales);
        if (!isSigned) QCOMPARE(zeros, expected.zeros);
        const std::string dequantizing = test::emulateDequantize(
            {codes.data(), cols, kRows, cols, isSigned, scales.data(), zeros.data(), back.data(), cols});
        QVERIFY2(dequantizing.empty(), dequantizing.c_str());
        for (size_t i = 0; i < back.size(); ++i) {
            const size_t row = i / static_cast<size_t>(cols);
            const int32_t code = isSigned ? int32_t{static_cast<int8_t>(codes[i])} : int32_t{codes[i]};
            QCOMPARE(back[i], static_cast<float>(code - zeros[row]) * scales[row]);
        }
    }
}

void CudaRowsTest::badRows() {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        for (const int64_t at : {int64_t{0}, int64_t{31}, int64_t{255}, int64_t{256}, int64_t{299}}) {
            std::vector<float> values(900, 1.0F);
            values[static_cast<size_t>(300 + at)] = bad;
            values[700] = bad;
            std::vector<uint8_t> codes(values.size());
            std::vector<float> scales(3);
            std::vector<int32_t> zeros(3);
            int64_t firstBad = 3;
            const std::string wrong = test::emulateQuantize({values.data(),
                                                             300,
                                                             3,
                                                             300,
                                                             true,
                                                             false,
                                                             {},
                                                             codes.data(),
                                                             300,
                                                             scales.data(),
                                                             zeros.data(),
                                                             &firstBad},
                                                            at % 2 == 0);
            QVERIFY2(wrong.empty(), wrong.c_str());
            QCOMPARE(firstBad, int64_t{1});
        }
    }
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::CudaRowsTest)
#include "test_cuda_rows.moc"
