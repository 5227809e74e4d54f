// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/float_gemm.h"

namespace quantscope {

class FloatGemmTest : public QObject {
    Q_OBJECT
 private slots:
    void products_data();
    void products();
    void reuse();
    void empty();
};

void FloatGemmTest::products_data() {
    QTest::addColumn<int>("m");
    QTest::addColumn<int>("n");
    QTest::addColumn<int>("k");
    for (const int m : {1, 2, 7, 16, 65}) {
        for (const int n : {1, 5, 16, 64, 193}) {
            for (const int k : {1, 3, 64, 129}) QTest::addRow("%dx%dx%d", m, n, k) << m << n << k;
        }
    }
    QTest::newRow("attention projection") << 33 << 576 << 576;
    QTest::newRow("several tiles of rows") << 257 << 200 << 40;
}

void FloatGemmTest::products() {
    QFETCH(int, m);
    QFETCH(int, n);
    QFETCH(int, k);
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    const auto size = [](int a, int b) { return static_cast<size_t>(a) * static_cast<size_t>(b); };
    const int xStride = k + 2, wStride = k + 1, yStride = n + 3;
    std::vector<float> x(size(m, xStride)), w(size(n, wStride)), y(size(m, yStride), 9);
    for (float& v : x) v = normal(random);
    for (float& v : w) v = normal(random);
    FloatGemm gemm;
    const auto packed = gemm.pack({w.data(), n, k, wStride});
    QVERIFY(packed.has_value());
    QCOMPARE(packed->outputs(), n);
    QCOMPARE(packed->inputs(), k);
    gemm.multiply({x.data(), m, k, xStride}, *packed, y.data(), yStride);
    for (int i = 0; i < m; ++i) {
        for (int j = 0; j < yStride; ++j) {
            const float got = y[size(i, yStride) + static_cast<size_t>(j)];
            if (j >= n) {
                QCOMPARE(got, 9.0F);
                continue;
            }
            double expected = 0;
            for (int p = 0; p < k; ++p) {
                expected += static_cast<double>(x[size(i, xStride) + static_cast<size_t>(p)]) *
                            static_cast<double>(w[size(j, wStride) + static_cast<size_t>(p)]);
            }
            QCOMPARE_LE(std::abs(expected - static_cast<double>(got)), 1e-5 * std::sqrt(k) * 4);
        }
    }
    // Tile by tile: every element once, the same bits.
    std::vector<float> tiled(size(m, yStride), 0);
    gemm.multiply({x.data(), m, k, xStride}, *packed, [&](const ProductTile& tile) {
        for (int64_t i = 0; i < tile.rows; ++i) {
            for (int64_t j = 0; j < tile.columns; ++j) {
                tiled[static_cast<size_t>((tile.firstRow + i) * yStride + tile.firstColumn + j)] +=
                    tile.values[i * tile.columns + j];
            }
        }
    });
    for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
            const size_t at = size(i, yStride) + static_cast<size_t>(j);
            QCOMPARE(tiled[at], y[at]);
        }
    }
}

void FloatGemmTest::reuse() {
    const std::vector<float> w = {1, 2, 3, 4, 5, 6};
    FloatGemm first;
    const PackedWeights packed = *first.pack({w.data(), 2, 3, 3});
    FloatGemm second;
    for (const int m : {1, 4, 2, 4, 1}) {
        const std::vector<float> x(static_cast<size_t>(3 * m), 1);
        std::vector<float> y(static_cast<size_t>(2 * m));
        (m % 2 == 0 ? first : second).multiply({x.data(), m, 3, 3}, packed, y.data());
        for (size_t i = 0; i < y.size(); i += 2) {
            QCOMPARE(y[i], 6.0F);
            QCOMPARE(y[i + 1], 15.0F);
        }
    }
}

void FloatGemmTest::empty() {
    FloatGemm gemm;
    const PackedWeights none = *gemm.pack({nullptr, 0, 4, 4});
    const std::vector<float> x(8, 1);
    std::vector<float> y(6, 7);
    gemm.multiply({x.data(), 2, 4, 4}, none, y.data());
    QCOMPARE(y[0], 7.0F);
    const PackedWeights flat = *gemm.pack({nullptr, 3, 0, 0});
    gemm.multiply({x.data(), 2, 0, 0}, flat, y.data());
    QCOMPARE(y, std::vector<float>(6, 0.0F));
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::FloatGemmTest)
#include "float_gemm_test.moc"
