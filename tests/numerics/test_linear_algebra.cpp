// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "numerics/gram_sums.h"
#include "numerics/linear_algebra.h"

using namespace quantscope;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> normals(int64_t count, uint64_t seed) {
    const CounterRandom random(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
    return values;
}

}  // namespace

/// Products, factorizations and sums of X^T X: each instruction set against plain code.
class TestLinearAlgebra : public QObject {
    Q_OBJECT
 private slots:
    void productsOfAnyShape() {
        for (const InstructionSet set : instructionSets())
            for (const int64_t m : {1, 3, 8, 19})
                for (const int64_t n : {1, 4, 8, 13, 16, 31, 45, 64})
                    for (const int64_t k : {1, 7, 40, 300}) product(set, m, n, k);
    }

    void gramOfAnyShape() {
        for (const InstructionSet set : instructionSets())
            for (const int64_t cols : {1, 7, 48, 49, 100, 150})
                for (const int64_t rows : {1, 5, 511, 600}) gram(set, rows, cols);
    }

    void momentsOfEveryColumn() {
        constexpr int64_t kRows = 37;
        constexpr int64_t kCols = 131;
        const std::vector<float> x = normals(kRows * kCols, 3);
        for (const InstructionSet set : instructionSets()) {
            std::vector<float> low(kCols, kInfinity);
            std::vector<float> high(kCols, -kInfinity);
            std::vector<double> sumAbs(kCols, 1.0);
            std::vector<double> squares(kCols, 2.0);
            addColumnMoments({x.data(), kRows, kCols, kCols}, 0, kCols,
                             {low.data(), high.data(), sumAbs.data(), squares.data()}, set);
            for (size_t c = 0; c < kCols; ++c) {
                float least = kInfinity;
                float most = -kInfinity;
                double size = 1;
                double square = 2;
                for (size_t r = 0; r < kRows; ++r) {
                    const float value = x[r * kCols + c];
                    least = std::min(least, value);
                    most = std::max(most, value);
                    size += static_cast<double>(std::abs(value));
                    square += static_cast<double>(value) * static_cast<double>(value);
                }
                QCOMPARE(low[c], least);
                QCOMPARE(high[c], most);
                QVERIFY(std::abs(sumAbs[c] - size) < 1e-12);
                QVERIFY(std::abs(squares[c] - square) < 1e-12);
            }
        }
    }

    void columnsTakeUpErrors() {
        constexpr size_t kCount = 23;
        const std::vector<float> errors = normals(kRowLanes, 5);
        const std::vector<float> factors = normals(kCount, 6);
        const std::vector<float> before = normals(kCount * kRowLanes, 7);
        for (const InstructionSet set : instructionSets()) {
            std::vector<float> after = before;
            subtractOuter(kCount, errors.data(), factors.data(), after.data(), set);
            for (size_t i = 0; i < after.size(); ++i) {
                const double product =
                    static_cast<double>(errors[i % kRowLanes]) * static_cast<double>(factors[i / kRowLanes]);
                QVERIFY(std::abs(static_cast<double>(after[i]) - (static_cast<double>(before[i]) - product)) <
                        1e-6);
            }
        }
    }

    void factorsMultiplyBack_data() {
        QTest::addColumn<int>("n");
        for (const int n : {1, 2, 63, 64, 65, 130, 200}) QTest::addRow("%d", n) << n;
    }
    void factorsMultiplyBack() {
        QFETCH(int, n);
        // A = B B^T + I; A^-1 = U^T U means U A U^T = I.
        const auto size = static_cast<size_t>(n);
        std::vector<double> b;
        for (const float value : normals(int64_t{n} * n, 9)) b.push_back(static_cast<double>(value) / 4);
        std::vector<double> a(size * size, 0);
        for (size_t i = 0; i < size; ++i) {
            for (size_t j = 0; j < size; ++j)
                for (size_t k = 0; k < size; ++k) a[i * size + j] += b[i * size + k] * b[j * size + k];
            a[i * size + i] += 1;
        }
        std::vector<float> u;
        QVERIFY(inverseFactor(a, n, u));
        for (size_t i = 0; i < size; ++i)
            for (size_t j = 0; j < size; ++j) {
                if (j < i) QCOMPARE(u[i * size + j], 0.0F);
                double sum = 0;
                for (size_t k = 0; k < size; ++k)
                    for (size_t l = j; l < size && u[i * size + k] != 0; ++l)
                        sum += static_cast<double>(u[i * size + k]) * a[k * size + l] *
                               static_cast<double>(u[j * size + l]);
                QVERIFY(std::abs(sum - (i == j ? 1.0 : 0.0)) < 1e-4);
            }
        a[0] = -1;
        QVERIFY(!inverseFactor(a, n, u));
    }

    void transposedProducts() {
        constexpr int64_t kRows = 5;
        constexpr int64_t kCols = 70;  // more than a panel
        constexpr int64_t kDepth = 530;
        const std::vector<float> a = normals(kRows * (kDepth + 2), 10);
        const std::vector<float> b = normals(kCols * (kDepth + 1), 11);
        const MatrixView left{a.data(), kRows, kDepth, kDepth + 2};
        const MatrixView right{b.data(), kCols, kDepth, kDepth + 1};
        std::vector<float> product(kRows * kCols, kInfinity);
        multiplyTransposed(left, right, product.data());
        for (int64_t i = 0; i < kRows; ++i)
            for (int64_t j = 0; j < kCols; ++j) {
                double expected = 0;
                for (int64_t p = 0; p < kDepth; ++p)
                    expected += static_cast<double>(left.at(i, p)) * static_cast<double>(right.at(j, p));
                QVERIFY(std::abs(static_cast<double>(product[static_cast<size_t>(i * kCols + j)]) -
                                 expected) < 1e-3);
            }
        std::vector<float> turned(kCols * kDepth);
        transpose(right, turned.data());
        for (int64_t i = 0; i < kCols; ++i)
            for (int64_t p = 0; p < kDepth; ++p)
                QCOMPARE(turned[static_cast<size_t>(p * kCols + i)], right.at(i, p));
    }

 private:
    static void gram(InstructionSet set, int64_t rows, int64_t cols) {
        const int64_t stride = cols + 3;
        const std::vector<float> x = normals(rows * stride, 1);
        std::vector<float> panels;
        std::vector<double> sums(static_cast<size_t>(cols * cols), 0.5);
        addGram({x.data(), rows, cols, stride}, panels, sums.data(), set);
        for (int64_t i = 0; i < cols; ++i)
            for (int64_t j = 0; j <= i; ++j) {
                double expected = 0.5;
                for (int64_t r = 0; r < rows; ++r)
                    expected += static_cast<double>(x[static_cast<size_t>(r * stride + i)]) *
                                static_cast<double>(x[static_cast<size_t>(r * stride + j)]);
                QVERIFY(std::abs(sums[static_cast<size_t>(i * cols + j)] - expected) < 1e-3);
            }
    }

    static void product(InstructionSet set, int64_t m, int64_t n, int64_t k) {
        const std::vector<float> a = normals(m * k, 1);
        const std::vector<float> b = normals(k * n, 2);
        std::vector<float> c(static_cast<size_t>(m * n), 0.25F);
        multiplyAdd(m, n, k, a.data(), k, b.data(), n, c.data(), n, -1.0F, set);
        const std::vector<double> a2(a.begin(), a.end());
        const std::vector<double> b2(b.begin(), b.end());
        std::vector<double> c2(c.size(), 0.25);
        multiplyAdd(m, n, k, a2.data(), k, b2.data(), n, c2.data(), n, -1.0, set);
        for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
                double expected = 0.25;
                for (int64_t p = 0; p < k; ++p)
                    expected -= a2[static_cast<size_t>(i * k + p)] * b2[static_cast<size_t>(p * n + j)];
                const auto at = static_cast<size_t>(i * n + j);
                QVERIFY(std::abs(static_cast<double>(c[at]) - expected) < 1e-4);
                QVERIFY(std::abs(c2[at] - expected) < 1e-12);
            }
    }
};

QTEST_APPLESS_MAIN(TestLinearAlgebra)
#include "test_linear_algebra.moc"
