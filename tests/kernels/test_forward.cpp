// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel_rows.h"

namespace quantscope {
namespace {

std::vector<float> randomValues(size_t count, float spread, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> values(count);
    for (float& v : values) v = normal(random);
    return values;
}

/// The largest difference between two rows, relative to the larger of 1e-3 and the element.
double worst(const std::vector<float>& a, const std::vector<float>& b) {
    double result = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        const double size = std::max(1e-3, std::abs(static_cast<double>(b[i])));
        const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) / size;
        if (!(difference <= result)) result = difference;
    }
    return result;
}

const ForwardKernels& reference() {
    return kernelTables().back()->forward;
}

const std::vector<int64_t> kCounts = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 576, 1536, 5001};

}  // namespace

class ForwardTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data() { test::addTableRows(); }
    void rmsNorm();
    void softmax();
    void exponentialRange();
    void siluMultiply();
    void rotation();
    void addInPlace();
    void attention_data();
    void attention();
    void logits();
    void logitExtremes();
    void divergence();
};

void ForwardTest::rmsNorm() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const int64_t n : kCounts) {
        std::vector<float> x = randomValues(static_cast<size_t>(n), 30, 1);
        const std::vector<float> w = randomValues(static_cast<size_t>(n), 1, 2);
        std::vector<float> expected(x.size());
        reference().rmsNorm(x.data(), w.data(), expected.data(), n, 1e-5F);
        table->forward.rmsNorm(x.data(), w.data(), x.data(), n, 1e-5F);
        QCOMPARE_LE(worst(x, expected), 2e-6);
    }
}

void ForwardTest::softmax() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const int64_t n : kCounts) {
        for (const int64_t visible : {int64_t{1}, (n + 1) / 2, n}) {
            std::vector<float> x = randomValues(static_cast<size_t>(n), 20, 3);
            std::vector<float> expected(x.size());
            reference().softmax(x.data(), expected.data(), n, visible, 0.3F);
            table->forward.softmax(x.data(), x.data(), n, visible, 0.3F);
            QCOMPARE_LE(worst(x, expected), 2e-6);
            for (int64_t i = visible; i < n; ++i) QCOMPARE(x[static_cast<size_t>(i)], 0.0F);
        }
    }
}

/// The stated bound of the exponential, seen through softmax of two values: e^d / (1 + e^d).
void ForwardTest::exponentialRange() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (float d = -87; d < 0; d += 0.0137F) {
        const std::vector<float> x = {0, d};
        std::vector<float> p(2);
        table->forward.softmax(x.data(), p.data(), 2, 2, 1);
        const double expected = std::exp(static_cast<double>(d)) / (1 + std::exp(static_cast<double>(d)));
        QCOMPARE_LE(std::abs(static_cast<double>(p[1]) / expected - 1), 4 * 0x1.0p-23);
    }
}

void ForwardTest::siluMultiply() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const int64_t n : kCounts) {
        std::vector<float> gate = randomValues(static_cast<size_t>(n), 10, 4);
        const std::vector<float> up = randomValues(static_cast<size_t>(n), 5, 5);
        gate[0] = -120;
        gate.back() = 200;
        std::vector<float> expected(gate.size());
        reference().siluMultiply(gate.data(), up.data(), expected.data(), n);
        table->forward.siluMultiply(gate.data(), up.data(), gate.data(), n);
        QCOMPARE_LE(worst(gate, expected), 2e-6);
    }
}

void ForwardTest::rotation() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const int64_t pairs : {1, 7, 8, 16, 17, 32, 64}) {
        const auto n = static_cast<size_t>(pairs);
        const std::vector<float> angles = randomValues(n, 3, 6);
        std::vector<float> c(n), s(n);
        for (size_t i = 0; i < n; ++i) {
            c[i] = std::cos(angles[i]);
            s[i] = std::sin(angles[i]);
        }
        for (const auto rotate : {&ForwardKernels::rotatePairs, &ForwardKernels::rotateHalves}) {
            std::vector<float> a = randomValues(2 * n, 1, 7);
            std::vector<float> b = a;
            (table->forward.*rotate)(a.data(), c.data(), s.data(), pairs);
            (reference().*rotate)(b.data(), c.data(), s.data(), pairs);
            QCOMPARE_LE(worst(a, b), 1e-6);
        }
    }
    std::vector<float> head = {1, 2, 3, 4};
    const std::vector<float> zero = {0, 0}, one = {1, 1};
    table->forward.rotatePairs(head.data(), zero.data(), one.data(), 2);
    QCOMPARE(head, (std::vector<float>{-2, 1, -4, 3}));
    head = {1, 2, 3, 4};
    table->forward.rotateHalves(head.data(), zero.data(), one.data(), 2);
    QCOMPARE(head, (std::vector<float>{-3, -4, 1, 2}));
}

void ForwardTest::addInPlace() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const int64_t n : kCounts) {
        std::vector<float> a = randomValues(static_cast<size_t>(n), 1, 8);
        const std::vector<float> b = randomValues(static_cast<size_t>(n), 1, 9);
        std::vector<float> expected = a;
        for (size_t i = 0; i < a.size(); ++i) expected[i] += b[i];
        table->forward.addInPlace(b.data(), a.data(), n);
        QCOMPARE(a, expected);
    }
}

void ForwardTest::attention_data() {
    QTest::addColumn<int>("heads");
    QTest::addColumn<int>("queries");
    QTest::addColumn<int>("first");
    QTest::addColumn<int>("keys");
    QTest::addColumn<int>("headDim");
    const auto row = [](int heads, int queries, int first, int keys, int headDim) {
        QTest::addRow("%d heads, %d queries from %d, %d keys, dim %d", heads, queries, first, keys, headDim)
            << heads << queries << first << keys << headDim;
    };
    row(1, 1, 0, 1, 64);
    row(3, 1, 199, 200, 64);
    row(3, 100, 0, 100, 64);
    row(3, 65, 50, 115, 64);
    row(1, 200, 0, 200, 32);
    row(2, 97, 0, 97, 80);
    row(4, 30, 3, 33, 20);
    row(8, 40, 0, 40, 128);
    row(1, 5, 0, 5, 3);
    row(200, 2, 0, 2, 16);
    row(3, 64, 95, 159, 64);
    row(1, 96, 96, 192, 64);
    row(1, 10, 0, 200, 64);
}

void ForwardTest::attention() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(int, heads);
    QFETCH(int, queries);
    QFETCH(int, first);
    QFETCH(int, keys);
    QFETCH(int, headDim);
    const auto q = randomValues(static_cast<size_t>(queries * (heads * headDim + 5)), 2, 10);
    const auto k = randomValues(static_cast<size_t>(keys * (headDim + 3)), 2, 11);
    const auto v = randomValues(static_cast<size_t>(keys * headDim), 1, 12);
    AttentionCall call;
    call.query = q.data();
    call.queryStride = heads * headDim + 5;
    call.headStride = headDim;
    call.key = k.data();
    call.keyStride = headDim + 3;
    call.value = v.data();
    call.valueStride = headDim;
    call.dstStride = heads * headDim;
    call.dstHeadStride = headDim;
    call.heads = heads;
    call.queries = queries;
    call.headDim = headDim;
    call.keys = keys;
    call.firstPosition = first;
    call.scale = 1 / std::sqrt(static_cast<float>(headDim));
    std::vector<float> a(static_cast<size_t>(queries * heads * headDim) + 1, 5), b = a;
    call.dst = b.data();
    reference().attention(call);
    call.dst = a.data();
    table->forward.attention(call);
    QCOMPARE(a.back(), 5.0F);
    double largest = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        QVERIFY(std::isfinite(a[i]));
        largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    QCOMPARE_LE(largest, 5e-6);
}

void ForwardTest::logits() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const int64_t n : {1, 2, 15, 16, 17, 1024, 1025, 49152}) {
        std::vector<float> z = randomValues(static_cast<size_t>(n), 4, 13);
        const int64_t top = n / 2;
        z[static_cast<size_t>(top)] = 25;
        z.back() = n > 2 ? 25.0F : z.back();
        const LogitStatistics a = table->forward.logitStatistics(z.data(), n, n - 1);
        const LogitStatistics b = reference().logitStatistics(z.data(), n, n - 1);
        QCOMPARE(a.maxIndex, b.maxIndex);
        QCOMPARE(table->forward.argmax(z.data(), n), b.maxIndex);
        QCOMPARE(a.maximum, b.maximum);
        QCOMPARE_LE(std::abs(a.logSumExp - b.logSumExp), 1e-6);
        QCOMPARE_LE(std::abs(table->forward.logSumExp(z.data(), n) - b.logSumExp), 1e-6);
        QCOMPARE_LE(std::abs(a.nll - b.nll), 1e-6);
        QCOMPARE(table->forward.logitStatistics(z.data(), n, -1).nll, 0.0);
    }
}

void ForwardTest::logitExtremes() {
    QFETCH_GLOBAL(const KernelTable*, table);
    constexpr float kInf = std::numeric_limits<float>::infinity();
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    for (const size_t n : {3UL, 20UL, 40UL}) {
        std::vector<float> z(n, -kInf);
        QCOMPARE(table->forward.argmax(z.data(), static_cast<int64_t>(n)), 0);
        z[0] = kNan;
        QCOMPARE(table->forward.argmax(z.data(), static_cast<int64_t>(n)), 1);
        z[n - 1] = -3e38F;
        QCOMPARE(table->forward.argmax(z.data(), static_cast<int64_t>(n)), static_cast<int64_t>(n) - 1);
        std::vector<float> large(n, 3e38F);
        QCOMPARE(table->forward.logSumExp(large.data(), static_cast<int64_t>(n)),
                 static_cast<double>(3e38F) + std::log(static_cast<double>(n)));
        large[1] = kInf;
        QCOMPARE(table->forward.logSumExp(large.data(), static_cast<int64_t>(n)), static_cast<double>(kInf));
    }
}

void ForwardTest::divergence() {
    QFETCH_GLOBAL(const KernelTable*, table);
    for (const float noise : {0.0F, 1e-3F, 0.3F, 5.0F}) {
        for (const int64_t n : {2, 17, 1500, 49152}) {
            const std::vector<float> ref = randomValues(static_cast<size_t>(n), 6, 14);
            std::vector<float> z = randomValues(static_cast<size_t>(n), noise, 15);
            for (size_t i = 0; i < z.size(); ++i) z[i] += ref[i] + 2;  // a common shift changes nothing
            const double lseRef = reference().logSumExp(ref.data(), n);
            const double lse = reference().logSumExp(z.data(), n);
            const LogitDivergence a = table->forward.logitDivergence(ref.data(), lseRef, z.data(), lse, n);
            const LogitDivergence b = reference().logitDivergence(ref.data(), lseRef, z.data(), lse, n);
            const double tolerance = 1e-6 * std::max(1.0, b.kl);
            QCOMPARE_LE(std::abs(a.kl - b.kl), tolerance);
            QCOMPARE_LE(std::abs(a.klAbove - b.klAbove), tolerance);
            QCOMPARE_GE(b.kl, -1e-9);
        }
    }
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::ForwardTest)
#include "test_forward.moc"
