// SPDX-License-Identifier: Apache-2.0
// Products on a CUDA device against the CPU's plain kernels, bit by bit; skipped, with the reason, where
// there is no device. Built a second time with the runtime of cuda_fake_runtime.cpp, where the launches run
// on an emulated GPU: then every call, pitch, size and failure of the backend is checked without one.
#include <fmt/format.h>

#include <QTest>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "cuda_fake_runtime.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/kernel_set.h"

namespace quantscope {
namespace {

struct Case {
    int64_t m, n, k;
};

std::string name(const Case& c) {
    return fmt::format("m{} n{} k{}", c.m, c.n, c.k);
}

template <class T>
std::vector<T> randomValues(int64_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<T> values(static_cast<size_t>(count));
    for (T& v : values) {
        if constexpr (std::is_same_v<T, float>) {
            v = static_cast<float>(random() % 2001) * 0.001F - 1.0F;
        } else {
            v = static_cast<T>(random());
        }
    }
    return values;
}

/// X with a gap between its rows, W without.
struct Operands {
    int64_t stride;
    std::vector<uint8_t> x;
    std::vector<int8_t> w;
    CodeView view;

    Operands(const Case& c, bool isSigned, int64_t gap)
        : stride(c.k + gap),
          x(randomValues<uint8_t>(c.m * stride, 1)),
          w(randomValues<int8_t>(c.n * c.k, 2)),
          view{x.data(), isSigned, c.m, c.k, stride} {}
};

const KernelTable& reference() {
    return *kernelTables().back();
}

/// Sizes around the tiles; on a real device also some that fill it.
std::vector<Case> cases() {
    std::vector<Case> all{{1, 1, 1},     {1, 65, 33},   {16, 64, 64}, {17, 3, 5},
                          {65, 70, 130}, {129, 20, 63}, {3, 129, 257}};
    if (!test::fakesCudaRuntime()) {
        all.insert(all.end(), {{512, 576, 576}, {512, 49152, 576}, {129, 4099, 1537}, {1, 4096, 4096}});
    }
    return all;
}

}  // namespace

class CudaDeviceTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data();
    void init();
    void sums();
    void dequantized_data();
    void dequantized();
    void int4_data();
    void int4();
    void rows_data();
    void rows();
    void rowErrors();
    void asAKernelTable();
    void timing();
    void shapeErrors();
    void failures_data();
    void failures();
    void noDevice();

 private:
    std::optional<CudaDevice> m_device;
};

void CudaDeviceTest::initTestCase_data() {
    QTest::addColumn<bool>("tensorCores");
    QTest::newRow("best") << true;
    QTest::newRow("dp4a") << false;
}

void CudaDeviceTest::init() {
    QFETCH_GLOBAL(bool, tensorCores);
    test::failCudaCall({});
    auto device = CudaDevice::open(0, {.tensorCores = tensorCores});
    if (!device) {
        m_device.reset();
        QVERIFY(device.error().kind == ErrorKind::NotFound);
        if (QByteArray(QTest::currentTestFunction()) != "noDevice") QSKIP(describe(device.error()).c_str());
        return;
    }
    m_device = std::move(*device);
}

void CudaDeviceTest::sums() {
    for (const Case& c : cases()) {
        for (const bool isSigned : {true, false}) {
            for (const int64_t gap : {0, 3}) {
                const Operands o(c, isSigned, gap);
                const auto weights = CudaInt8Weights::upload(*m_device, o.w.data(), c.n, c.k);
                QVERIFY2(weights.has_value(), weights ? "" : describe(weights.error()).c_str());
                const auto packed = PackedInt8Weights::pack(o.w.data(), c.n, c.k);
                QVERIFY(packed);
                std::vector<int32_t> y(static_cast<size_t>(c.m * (c.n + gap)), 77), expected = y;
                const Status done = multiplyInt8(*m_device, o.view, *weights, y.data(), c.n + gap);
                QVERIFY2(done.has_value(), done ? "" : describe(done.error()).c_str());
                QVERIFY(multiplyInt8(reference(), o.view, *packed, expected.data(), c.n + gap));
                QVERIFY2(y == expected, name(c).c_str());
            }
        }
    }
}

void CudaDeviceTest::dequantized_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<bool>("rowZeros");
    QTest::addColumn<bool>("columnZeros");
    QTest::addColumn<bool>("bias");
    QTest::addColumn<bool>("accumulate");
    QTest::newRow("symmetric") << true << false << false << false << false;
    QTest::newRow("bias") << true << false << false << true << false;
    QTest::newRow("u8 affine rows") << false << true << false << true << false;
    QTest::newRow("affine weight") << true << false << true << false << false;
    QTest::newRow("both affine, accumulate") << false << true << true << true << true;
}

void CudaDeviceTest::dequantized() {
    QFETCH(bool, isSigned);
    QFETCH(bool, rowZeros);
    QFETCH(bool, columnZeros);
    QFETCH(bool, bias);
    QFETCH(bool, accumulate);
    for (const Case& c : cases()) {
        if (c.n > 10000) continue;
        const Operands o(c, isSigned, 1);
        const auto weights = CudaInt8Weights::upload(*m_device, o.w.data(), c.n, c.k);
        const auto packed = PackedInt8Weights::pack(o.w.data(), c.n, c.k);
        QVERIFY(weights && packed);
        const auto rowScales = randomValues<float>(c.m, 3), columnScales = randomValues<float>(c.n, 4),
                   biases = randomValues<float>(c.n, 5);
        auto y = randomValues<float>(c.m * c.n, 6);
        auto expected = y;
        std::vector<int32_t> xZeros, wZeros;
        for (const uint8_t z : randomValues<uint8_t>(c.m, 7)) xZeros.push_back(isSigned ? z - 128 : z);
        for (const uint8_t z : randomValues<uint8_t>(c.n, 8)) wZeros.push_back(z - 128);
        const Int8Dequantize how{rowScales.data(),
                                 columnScales.data(),
                                 bias ? biases.data() : nullptr,
                                 rowZeros ? xZeros.data() : nullptr,
                                 columnZeros ? wZeros.data() : nullptr,
                                 accumulate};
        QVERIFY(multiplyInt8(*m_device, o.view, *weights, how, y.data()));
        QVERIFY(multiplyInt8(reference(), o.view, *packed, how, expected.data()));
        QVERIFY2(y == expected, name(c).c_str());
    }
}

void CudaDeviceTest::int4_data() {
    QTest::addColumn<int>("groupSize");
    QTest::addColumn<bool>("zeros");
    QTest::newRow("a group a channel") << 0 << false;
    QTest::newRow("12, zeros") << 12 << true;
    QTest::newRow("64") << 64 << false;
    QTest::newRow("128, zeros") << 128 << true;
}

void CudaDeviceTest::int4() {
    QFETCH(int, groupSize);
    QFETCH(bool, zeros);
    for (const Case& c : cases()) {
        if (c.n > 10000) continue;
        const int64_t size = groupSize == 0 ? (c.k + 3) / 4 * 4 : groupSize;
        const int64_t groups = (c.k + size - 1) / size;
        auto codes = randomValues<uint8_t>(c.n * c.k, 1), zeroPoints = randomValues<uint8_t>(c.n * groups, 2);
        for (uint8_t& q : codes) q %= 16;
        for (uint8_t& z : zeroPoints) z %= 16;
        const auto scales = randomValues<float>(c.n * groups, 3), bias = randomValues<float>(c.n, 4),
                   x = randomValues<float>(c.m * (c.k + 1), 5);
        const Int4Source source{codes.data(), c.n,           c.k,
                                groupSize,    scales.data(), zeros ? zeroPoints.data() : nullptr};
        const auto weights = CudaInt4Weights::upload(*m_device, source);
        const auto packed = PackedInt4Weights::pack(source);
        QVERIFY(weights && packed);
        const MatrixView view{x.data(), c.m, c.k, c.k + 1};
        std::vector<float> y(static_cast<size_t>(c.m * (c.n + 2)), 77.0F), expected = y;
        QVERIFY(multiplyInt4(*m_device, view, *weights, y.data(), c.n + 2, bias.data()));
        QVERIFY(multiplyInt4(reference(), view, *packed, expected.data(), c.n + 2, bias.data()));
        for (size_t i = 0; i < y.size(); ++i) {
            // |x|, |scale| <= 1 and |code - zero| <= 15 bound the sum of the terms' sizes.
            const float bound = 1e-6F * (1 + 15 * static_cast<float>(c.k));
            if (!(std::abs(y[i] - expected[i]) <= bound))
                QFAIL(fmt::format("{}: {} is {}, not {}", name(c), i, y[i], expected[i]).c_str());
        }
    }
}

void CudaDeviceTest::rows_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<bool>("isFixed");
    QTest::newRow("s8") << true << false;
    QTest::newRow("s8 fixed") << true << true;
    QTest::newRow("u8") << false << false;
    QTest::newRow("u8 fixed") << false << true;
}

void CudaDeviceTest::rows() {
    QFETCH(bool, isSigned);
    QFETCH(bool, isFixed);
    const auto kind = isSigned ? ActivationCodes::SymmetricS8 : ActivationCodes::AffineU8;
    const auto fixed =
        isFixed ? std::optional(StaticRange{0.01F, isSigned ? 0 : 100}) : std::optional<StaticRange>();
    for (const Case& c : {Case{1, 0, 1}, {5, 0, 300}, {33, 0, 257}}) {
        auto x = randomValues<float>(c.m * (c.k + 2), 1);
        std::fill_n(x.begin(), c.k, 0.0F);  // a row without a range
        const MatrixView view{x.data(), c.m, c.k, c.k + 2};
        QuantizedRows got, expected;
        QVERIFY(quantizeRows(*m_device, view, kind, got, fixed));
        QVERIFY(quantizeRows(reference(), view, kind, expected, fixed));
        QCOMPARE(got.codes, expected.codes);
        QCOMPARE(got.scales, expected.scales);
        QCOMPARE(got.zeros, expected.zeros);
        std::vector<float> back(got.codes.size());
        QVERIFY(dequantizeRows(*m_device, got, back.data()));
        for (size_t i = 0; i < back.size(); ++i) {
            const size_t row = i / static_cast<size_t>(c.k);
            const int32_t code =
                isSigned ? int32_t{static_cast<int8_t>(got.codes[i])} : int32_t{got.codes[i]};
            const int32_t zero = isSigned ? 0 : got.zeros[row];
            QCOMPARE(back[i], static_cast<float>(code - zero) * got.scales[row]);
        }
    }
}

void CudaDeviceTest::rowErrors() {
    std::vector<float> x(60, 1.0F);
    x[25] = std::numeric_limits<float>::quiet_NaN();
    x[45] = std::numeric_limits<float>::infinity();
    QuantizedRows out;
    const MatrixView view{x.data(), 3, 20, 20};
    const Status bad = quantizeRows(*m_device, view, ActivationCodes::SymmetricS8, out);
    const Status expected = quantizeRows(reference(), view, ActivationCodes::SymmetricS8, out);
    QVERIFY(!bad && !expected);
    QCOMPARE(describe(bad.error()), describe(expected.error()));
    const Status scale = quantizeRows(*m_device, view, ActivationCodes::SymmetricS8, out, StaticRange{0, 0});
    QVERIFY(!scale);
    QCOMPARE(scale.error().field, std::string("scale"));
}

/// Chosen like any other table, with weights packed for the processor; the second time the weight is there.
void CudaDeviceTest::asAKernelTable() {
    const auto set = KernelSet::open(detectCpuFeatures(), "cuda");
    QVERIFY2(set.has_value(), set ? "" : describe(set.error()).c_str());
    const KernelTable& gpu = (*set)->active();
    const Case c{17, 33, 66};
    const Operands o(c, true, 0);
    const auto packed = *PackedInt8Weights::pack(o.w.data(), c.n, c.k);
    std::vector<int32_t> sums(static_cast<size_t>(c.m * c.n)), expectedSums = sums;
    QVERIFY(multiplyInt8(reference(), o.view, packed, expectedSums.data()));
    for (int again = 0; again < 2; ++again) QVERIFY(multiplyInt8(gpu, o.view, packed, sums.data()));
    QVERIFY(sums == expectedSums);
    const auto x = randomValues<float>(c.m * c.k, 8);
    const MatrixView view{x.data(), c.m, c.k, c.k};
    QuantizedRows rows, expectedRows;
    QVERIFY(quantizeRows(gpu, view, ActivationCodes::SymmetricS8, rows));
    QVERIFY(quantizeRows(reference(), view, ActivationCodes::SymmetricS8, expectedRows));
    QCOMPARE(rows.codes, expectedRows.codes);
    const auto scales = randomValues<float>(c.n, 9);
    const std::vector<uint8_t> codes(static_cast<size_t>(c.n * c.k), 11);
    const auto four = *PackedInt4Weights::pack({codes.data(), c.n, c.k, 0, scales.data(), nullptr});
    std::vector<float> y(sums.size()), expected = y;
    QVERIFY(multiplyInt4(gpu, view, four, y.data()));
    QVERIFY(multiplyInt4(reference(), view, four, expected.data()));
    for (size_t i = 0; i < y.size(); ++i)
        QVERIFY(std::abs(y[i] - expected[i]) <= 1e-6F * (1 + 15 * static_cast<float>(c.k)));
}

void CudaDeviceTest::timing() {
    const Operands o({5, 7, 9}, true, 0);
    const auto weights = CudaInt8Weights::upload(*m_device, o.w.data(), 7, 9);
    QVERIFY(weights);
    std::vector<int32_t> y(35);
    CudaTiming timing{.launches = 3};
    QVERIFY(multiplyInt8(*m_device, o.view, *weights, y.data(), 0, &timing));
    QVERIFY(timing.kernelSeconds > 0 && timing.totalSeconds >= timing.kernelSeconds);
    QVERIFY(describe(m_device->info()).find(m_device->info().name) == 0);
}

void CudaDeviceTest::shapeErrors() {
    const Operands o({2, 3, 6}, true, 0);
    const auto weights = CudaInt8Weights::upload(*m_device, o.w.data(), 3, 5);
    QVERIFY(weights);
    std::vector<int32_t> y(16);
    const Status mismatch = multiplyInt8(*m_device, o.view, *weights, y.data());
    QVERIFY(!mismatch);
    QCOMPARE(mismatch.error().field, std::string("inputs"));
    const CodeView five{o.x.data(), true, 2, 5, 6};
    QVERIFY(!multiplyInt8(*m_device, five, *weights, y.data(), 2));
    QVERIFY(multiplyInt8(*m_device, five, *weights, y.data(), 3));
    QVERIFY(!CudaInt8Weights::upload(*m_device, o.w.data(), 0, 5));
    const auto tooLong = CudaInt8Weights::upload(*m_device, o.w.data(), 1, kMaxInputsS8S8 + 1);
    QVERIFY(!tooLong);
    QVERIFY(tooLong.error().message.find("131071") != std::string::npos);
    const std::vector<uint8_t> codes(24, 3);
    const std::vector<float> scales(24, 1.0F);
    QCOMPARE(
        CudaInt4Weights::upload(*m_device, {codes.data(), 2, 12, 6, scales.data(), nullptr}).error().field,
        std::string("group"));
    const std::vector<uint8_t> beyond(24, 16);
    QCOMPARE(
        CudaInt4Weights::upload(*m_device, {beyond.data(), 2, 12, 4, scales.data(), nullptr}).error().field,
        std::string("codes"));
    for (const int index : {99, -1}) QCOMPARE(CudaDevice::open(index).error().kind, ErrorKind::NotFound);
}

/// Any call of a product may fail: the error names it, and the next product is right again.
void CudaDeviceTest::failures_data() {
    QTest::addColumn<QString>("call");
    QTest::addColumn<int>("code");
    QTest::addColumn<ErrorKind>("kind");
    constexpr int kOutOfMemory = 2, kIllegalAddress = 700, kNoKernel = 209, kLaunchFailed = 719;
    QTest::newRow("no memory") << "cudaMalloc" << kOutOfMemory << ErrorKind::OutOfMemory;
    QTest::newRow("no code") << "cudaLaunchKernel" << kNoKernel << ErrorKind::Unsupported;
    QTest::newRow("copy") << "cudaMemcpyAsync" << kIllegalAddress << ErrorKind::Internal;
    QTest::newRow("rows") << "cudaMemcpy2DAsync" << kIllegalAddress << ErrorKind::Internal;
    QTest::newRow("kernel") << "cudaStreamSynchronize" << kLaunchFailed << ErrorKind::Internal;
    QTest::newRow("device") << "cudaSetDevice" << kIllegalAddress << ErrorKind::Internal;
    QTest::newRow("event") << "cudaEventRecord" << kIllegalAddress << ErrorKind::Internal;
}

void CudaDeviceTest::failures() {
    if (!test::fakesCudaRuntime()) QSKIP("a real device cannot be asked to fail");
    QFETCH(QString, call);
    QFETCH(int, code);
    QFETCH(ErrorKind, kind);
    const Operands o({5, 7, 9}, true, 3);
    std::vector<int32_t> y(35);
    const auto product = [&]() -> Status {
        const auto weights = CudaInt8Weights::upload(*m_device, o.w.data(), 7, 9);
        if (!weights) return fail(weights.error());
        CudaTiming timing;
        return multiplyInt8(*m_device, o.view, *weights, y.data(), 0, &timing);
    };
    test::failCudaCall(call.toStdString(), code);
    const Status failed = product();
    test::failCudaCall({});
    QVERIFY(!failed);
    QCOMPARE(failed.error().kind, kind);
    QCOMPARE(failed.error().field, std::string("cuda"));
    QVERIFY2(failed.error().message.find(call.toStdString() + ":") != std::string::npos,
             failed.error().message.c_str());
    QVERIFY(product());
    QCOMPARE(test::cudaRuntimeComplaint(), std::string());
}

/// Without a driver or device the answer is an error that says what is missing.
void CudaDeviceTest::noDevice() {
    if (test::fakesCudaRuntime()) {
        for (const int code : {35, 100}) {
            test::failCudaCall("cudaGetDeviceCount", code);
            const auto devices = listCudaDevices();
            QVERIFY(!devices);
            QCOMPARE(devices.error().kind, ErrorKind::NotFound);
            QVERIFY(!devices.error().fix.empty());
        }
        return;
    }
    const auto devices = listCudaDevices();
    if (m_device) {
        QVERIFY(devices && !devices->empty());
    } else {
        QCOMPARE(devices.error().kind, ErrorKind::NotFound);
        QVERIFY(devices.error().message.find("cudaGetDeviceCount") != std::string::npos);
        QVERIFY(!devices.error().fix.empty());
    }
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::CudaDeviceTest)
#include "test_cuda_device.moc"
