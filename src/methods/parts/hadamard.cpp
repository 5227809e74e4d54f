// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/hadamard.h"

#include <array>
#include <cmath>

namespace quantscope {
namespace {

bool isPrime(int64_t q) {
    if (q < 3 || q % 2 == 0) return false;
    for (int64_t d = 3; d * d <= q; d += 2)
        if (q % d == 0) return false;
    return true;
}

/// Quadratic characters of 0 .. q-1: 0, +1 for squares, -1 otherwise.
std::vector<int> characters(int64_t q) {
    std::vector<int> result(static_cast<size_t>(q), -1);
    result[0] = 0;
    for (int64_t x = 1; x < q; ++x) result[static_cast<size_t>(x * x % q)] = 1;
    return result;
}

/// Jacobsthal's matrix with a border of ones: the core C of both constructions, order q + 1. The border's
/// column is `sign` times its row.
std::vector<int> conference(int64_t q, int sign) {
    const std::vector<int> chi = characters(q);
    const int64_t n = q + 1;
    std::vector<int> c(static_cast<size_t>(n * n), 0);
    for (int64_t i = 1; i < n; ++i) {
        c[static_cast<size_t>(i)] = 1;
        c[static_cast<size_t>(i * n)] = sign;
        for (int64_t j = 1; j < n; ++j)
            c[static_cast<size_t>(i * n + j)] = chi[static_cast<size_t>((i - j + q) % q)];
    }
    return c;
}

}  // namespace

std::vector<int8_t> paleyMatrix(int64_t order) {
    std::vector<int8_t> h(static_cast<size_t>(order * order));
    const auto at = [&](int64_t i, int64_t j) -> int8_t& { return h[static_cast<size_t>(i * order + j)]; };
    if (order % 4 == 0 && isPrime(order - 1)) {
        // Paley I: H = I + C, C skew.
        const std::vector<int> c = conference(order - 1, -1);
        for (int64_t i = 0; i < order; ++i)
            for (int64_t j = 0; j < order; ++j)
                at(i, j) = static_cast<int8_t>(c[static_cast<size_t>(i * order + j)] + (i == j ? 1 : 0));
        return h;
    }
    const int64_t half = order / 2;
    if (order % 4 == 0 && isPrime(half - 1) && (half - 1) % 4 == 1) {
        // Paley II: each entry of the symmetric C becomes a 2 x 2 block, each 0 another.
        const std::vector<int> c = conference(half - 1, 1);
        constexpr std::array<int, 4> kEntry{1, 1, 1, -1};
        constexpr std::array<int, 4> kZero{1, -1, -1, -1};
        for (int64_t i = 0; i < half; ++i)
            for (int64_t j = 0; j < half; ++j) {
                const int value = c[static_cast<size_t>(i * half + j)];
                for (int64_t b = 0; b < 4; ++b) {
                    const auto k = static_cast<size_t>(b);
                    at(2 * i + b / 2, 2 * j + b % 2) =
                        static_cast<int8_t>(value == 0 ? kZero[k] : value * kEntry[k]);
                }
            }
        return h;
    }
    return {};
}

Hadamard::Hadamard(int64_t n) : m_size(n) {
    int64_t odd = n;
    while (odd > 0 && odd % 2 == 0) {
        odd /= 2;
        m_powerOfTwo *= 2;
    }
    if (odd <= 1 || m_powerOfTwo < 4) return;
    m_small = paleyMatrix(4 * odd);
    if (m_small.empty()) return;
    m_smallOrder = 4 * odd;
    m_powerOfTwo /= 4;
}

void Hadamard::transform(float* v, bool transposed) const {
    const int64_t block = order();
    const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(block)));
    std::vector<float> column(static_cast<size_t>(m_smallOrder));
    for (int64_t first = 0; first + block <= m_size; first += block) {
        float* x = v + first;
        for (int64_t half = 1; half < m_powerOfTwo; half *= 2) {
            for (int64_t i = 0; i < block; i += 2 * half) {
                for (int64_t j = i; j < i + half; ++j) {
                    const float a = x[j];
                    const float b = x[j + half];
                    x[j] = a + b;
                    x[j + half] = a - b;
                }
            }
        }
        for (int64_t c = 0; m_smallOrder > 1 && c < m_powerOfTwo; ++c) {
            for (int64_t i = 0; i < m_smallOrder; ++i) {
                float sum = 0;
                for (int64_t j = 0; j < m_smallOrder; ++j) {
                    const int64_t at = transposed ? j * m_smallOrder + i : i * m_smallOrder + j;
                    const float value = x[j * m_powerOfTwo + c];
                    sum += m_small[static_cast<size_t>(at)] > 0 ? value : -value;
                }
                column[static_cast<size_t>(i)] = sum;
            }
            for (int64_t i = 0; i < m_smallOrder; ++i)
                x[i * m_powerOfTwo + c] = column[static_cast<size_t>(i)];
        }
        for (int64_t i = 0; i < block; ++i) x[i] *= scale;
    }
}

}  // namespace quantscope
