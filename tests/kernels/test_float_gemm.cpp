// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <cmath>
#include <random>
#include <vector>

#include "base/parallel_for.h"
#include "kernel_rows.h"
#include "kernels/float_gemm.h"

namespace quantscope {
namespace {

size_t at(int64_t row, int64_t stride, int64_t column = 0) {
    return static_cast<size_t>(row * stride + column);
}

std::vector<float> normal(int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution;
    std::vector<float> values(static_cast<size_t>(count));
    for (float& v : values) v = distribution(random);
    return values;
}

/// The meaning: the sum over k in order, fused.
float element(const MatrixView& x, const MatrixView& w, int64_t i, int64_t j) {
    float sum = 0;
    for (int64_t k = 0; k < x.cols; ++k) sum = std::fma(x.row(i)[k], w.row(j)[k], sum);
    return sum;
}

}  // namespace

class FloatGemmTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data() { test::addTableRows(); }
    void products_data();
    void products();
    void collidingRows();
    void infinityAndNan();
    void threads();
    void empty();
};

void FloatGemmTest::products_data() {
    QTest::addColumn<int>("m");
    QTest::addColumn<int>("n");
    QTest::addColumn<int>("k");
    for (const int m : {1, 2, 5, 6, 7, 11, 12, 13, 17, 18, 65}) {
        for (const int n : {1, 5, 15, 16, 17, 31, 32, 33, 193}) {
            for (const int k : {1, 3, 4, 64, 129}) QTest::addRow("%dx%dx%d", m, n, k) << m << n << k;
        }
    }
    QTest::newRow("attention projection") << 33 << 576 << 576;
    QTest::newRow("several blocks of rows") << 401 << 72 << 640;
}

void FloatGemmTest::products() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(int, m);
    QFETCH(int, n);
    QFETCH(int, k);
    const int64_t xStride = k + 2, wStride = k + 1, yStride = n + 3;
    const std::vector<float> xs = normal(m * xStride, 3), ws = normal(n * wStride, 4);
    const MatrixView x{xs.data(), m, k, xStride}, w{ws.data(), n, k, wStride};
    std::vector<float> y(at(m, yStride), 9);
    const FloatGemm gemm(*table);
    const auto packed = FloatGemm::pack(w);
    QVERIFY(packed.has_value());
    QCOMPARE(packed->outputs(), n);
    QCOMPARE(packed->inputs(), k);
    gemm.multiply(x, *packed, y.data(), yStride);
    std::vector<float> onto(y.size(), 0.5F);
    gemm.multiplyOnto(x, *packed, onto.data(), yStride);
    std::vector<float> tiled(y.size(), 0);
    gemm.multiply(x, *packed, [&](const ProductTile& tile) {
        for (int64_t i = 0; i < tile.rows; ++i) {
            for (int64_t j = 0; j < tile.columns; ++j)
                tiled[at(tile.firstRow + i, yStride, tile.firstColumn + j)] +=
                    tile.values[i * tile.columns + j];
        }
    });
    for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < yStride; ++j) {
            const size_t index = at(i, yStride, j);
            if (j >= n) {
                QCOMPARE(y[index], 9.0F);
                QCOMPARE(onto[index], 0.5F);
                continue;
            }
            const float expected = element(x, w, i, j);
            QVERIFY2(y[index] == expected, qPrintable(QString("row %1 column %2").arg(i).arg(j)));
            QVERIFY(onto[index] == 0.5F + expected);
            QVERIFY(tiled[index] == expected);
        }
    }
}

/// Rows a whole number of pages apart are moved apart first; the product is the same.
void FloatGemmTest::collidingRows() {
    QFETCH_GLOBAL(const KernelTable*, table);
    constexpr int64_t m = 19, n = 40, k = 50, stride = 2048;
    const std::vector<float> xs = normal(m * stride, 5), ws = normal(n * k, 6);
    const MatrixView x{xs.data(), m, k, stride}, w{ws.data(), n, k, k};
    std::vector<float> y(at(m, n));
    FloatGemm(*table).multiply(x, *FloatGemm::pack(w), y.data());
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) QVERIFY(y[at(i, n, j)] == element(x, w, i, j));
}

/// What is not finite reaches the elements it belongs to, and no others: not through the padding either.
void FloatGemmTest::infinityAndNan() {
    QFETCH_GLOBAL(const KernelTable*, table);
    constexpr int64_t m = 13, n = 17, k = 9;
    std::vector<float> xs = normal(m * k, 7), ws = normal(n * k, 8);
    xs[at(4, k, 2)] = INFINITY;
    ws[at(16, k, 8)] = NAN;
    const MatrixView x{xs.data(), m, k, k}, w{ws.data(), n, k, k};
    std::vector<float> y(at(m, n));
    FloatGemm(*table).multiply(x, *FloatGemm::pack(w), y.data());
    for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) QCOMPARE(std::isfinite(y[at(i, n, j)]), i != 4 && j != 16);
    }
}

void FloatGemmTest::threads() {
    QFETCH_GLOBAL(const KernelTable*, table);
    constexpr int64_t m = 230, n = 300, k = 700;
    const std::vector<float> xs = normal(m * k, 9), ws = normal(n * k, 10);
    const auto packed = FloatGemm::pack({ws.data(), n, k, k});
    std::vector<std::vector<float>> results;
    const int before = threadCount();
    for (const int count : {1, 2, 5}) {
        limitThreadsOfCaller(count);
        results.emplace_back(at(m, n));
        FloatGemm(*table).multiply({xs.data(), m, k, k}, *packed, results.back().data());
    }
    limitThreadsOfCaller(before);
    QVERIFY(results[0] == results[1]);
    QVERIFY(results[0] == results[2]);
}

void FloatGemmTest::empty() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const FloatGemm gemm(*table);
    const PackedWeights none = *FloatGemm::pack({nullptr, 0, 4, 4});
    const std::vector<float> x(8, 1);
    std::vector<float> y(6, 7);
    gemm.multiply({x.data(), 2, 4, 4}, none, y.data());
    QCOMPARE(y[0], 7.0F);
    const PackedWeights flat = *FloatGemm::pack({nullptr, 3, 0, 0});
    gemm.multiplyOnto({x.data(), 2, 0, 0}, flat, y.data());
    QCOMPARE(y, std::vector<float>(6, 7.0F));
    gemm.multiply({x.data(), 2, 0, 0}, flat, y.data());
    QCOMPARE(y, std::vector<float>(6, 0.0F));
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::FloatGemmTest)
#include "test_float_gemm.moc"
