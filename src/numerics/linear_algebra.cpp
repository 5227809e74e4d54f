// SPDX-License-Identifier: Apache-2.0
#include "numerics/linear_algebra.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"

namespace quantscope {
namespace {

constexpr int64_t kBlock = 64;         ///< of the factorizations
constexpr int64_t kDepth = 512;        ///< of a packed panel
constexpr int64_t kPanelColumns = 64;  ///< of a packed panel
constexpr int64_t kPackedDepth = 128;  ///< of what multiplyAdd() copies: it fits the first cache
constexpr int64_t kRowsWorthPacking = 16;

/// Rows x (Vectors vectors) of c, the sum over k in registers.
template <class T, int Bytes, int Rows, int Vectors>
[[gnu::always_inline]] inline void tile(int64_t k, const T* a, int64_t aStride, const T* b, int64_t bStride,
                                        T* c, int64_t cStride, T sign) {
    using V = typename VectorOf<T, Bytes>::Type;
    constexpr auto kLanes = static_cast<int64_t>(Bytes / sizeof(T));
    V sums[Rows][Vectors] = {};
    for (int64_t p = 0; p < k; ++p) {
        V right[Vectors];
        for (int v = 0; v < Vectors; ++v) std::memcpy(&right[v], b + p * bStride + v * kLanes, sizeof(V));
        for (int r = 0; r < Rows; ++r) {
            const T left = a[r * aStride + p];
            for (int v = 0; v < Vectors; ++v) sums[r][v] += left * right[v];
        }
    }
    for (int r = 0; r < Rows; ++r) {
        for (int v = 0; v < Vectors; ++v) {
            T* target = c + r * cStride + v * kLanes;
            V old;
            std::memcpy(&old, target, sizeof(V));
            old += sign * sums[r][v];
            std::memcpy(target, &old, sizeof(V));
        }
    }
}

/// As many columns of c as Vectors vectors hold, all m rows: `Rows` at a time, so that their sums hide the
/// latency of one.
template <class T, int Bytes, int Rows, int Vectors>
[[gnu::always_inline]] inline void strip(int64_t m, int64_t k, const T* a, int64_t aStride, const T* b,
                                         int64_t bStride, T* c, int64_t cStride, T sign) {
    int64_t i = 0;
    for (; i + Rows <= m; i += Rows)
        tile<T, Bytes, Rows, Vectors>(k, a + i * aStride, aStride, b, bStride, c + i * cStride, cStride,
                                      sign);
    for (; i < m; ++i)
        tile<T, Bytes, 1, Vectors>(k, a + i * aStride, aStride, b, bStride, c + i * cStride, cStride, sign);
}

/// What is left of the columns after strips of two vectors: one vector, half a vector, ... and single
/// columns.
template <class T, int Bytes>
[[gnu::always_inline]] inline void narrowStrips(int64_t m, int64_t n, int64_t k, const T* a, int64_t aStride,
                                                const T* b, int64_t bStride, T* c, int64_t cStride, T sign) {
    constexpr auto kLanes = static_cast<int64_t>(Bytes / sizeof(T));
    if (n >= kLanes) {
        strip<T, Bytes, 8, 1>(m, k, a, aStride, b, bStride, c, cStride, sign);
        n -= kLanes;
        b += kLanes;
        c += kLanes;
    }
    if constexpr (Bytes > 16) {
        narrowStrips<T, Bytes / 2>(m, n, k, a, aStride, b, bStride, c, cStride, sign);
    } else {
        for (int64_t i = 0; i < m && n > 0; ++i) {
            for (int64_t j = 0; j < n; ++j) {
                T sum = 0;
                for (int64_t p = 0; p < k; ++p) sum += a[i * aStride + p] * b[p * bStride + j];
                c[i * cStride + j] += sign * sum;
            }
        }
    }
}

template <class T, int Bytes>
[[gnu::always_inline]] inline void multiplyAddBody(int64_t m, int64_t n, int64_t k, const T* a,
                                                   int64_t aStride, const T* b, int64_t bStride, T* c,
                                                   int64_t cStride, T sign) {
    constexpr int64_t kColumns = int64_t{2} * Bytes / int64_t{sizeof(T)};
    constexpr int kRows = Bytes == 64 ? 8 : 4;  // as many sums as there are registers for
    const int64_t whole = n - n % kColumns;
    const bool pack = m >= kRowsWorthPacking && bStride > kColumns;
    T packed[kPackedDepth * kColumns];
    for (int64_t j = 0; j < whole; j += kColumns) {
        if (!pack) {
            strip<T, Bytes, kRows, 2>(m, k, a, aStride, b + j, bStride, c + j, cStride, sign);
            continue;
        }
        for (int64_t first = 0; first < k; first += kPackedDepth) {
            const int64_t depth = std::min(kPackedDepth, k - first);
            for (int64_t p = 0; p < depth; ++p)
                std::memcpy(packed + p * kColumns, b + (first + p) * bStride + j, kColumns * sizeof(T));
            strip<T, Bytes, kRows, 2>(m, depth, a + first, aStride, packed, kColumns, c + j, cStride, sign);
        }
    }
    narrowStrips<T, Bytes>(m, n - whole, k, a, aStride, b + whole, bStride, c + whole, cStride, sign);
}

/// lanes [count x kRowLanes] -= factors errors^T.
template <int Bytes>
[[gnu::always_inline]] inline void subtractOuterBody(int64_t count, const float* errors, const float* factors,
                                                     float* lanes) {
    using V = typename VectorOf<float, Bytes>::Type;
    constexpr int64_t kVectors = kRowLanes * 4 / Bytes;
    V error[kVectors];
    std::memcpy(error, errors, sizeof(error));
    for (int64_t k = 0; k < count; ++k) {
        const float factor = factors[k];
        for (int64_t v = 0; v < kVectors; ++v) {
            V own;
            std::memcpy(&own, lanes + k * kRowLanes + v * (Bytes / 4), Bytes);
            own -= error[v] * factor;
            std::memcpy(lanes + k * kRowLanes + v * (Bytes / 4), &own, Bytes);
        }
    }
}

template <class T>
QUANTSCOPE_AVX2 void multiplyAddAvx2(int64_t m, int64_t n, int64_t k, const T* a, int64_t aStride, const T* b,
                                     int64_t bStride, T* c, int64_t cStride, T sign) {
    multiplyAddBody<T, 32>(m, n, k, a, aStride, b, bStride, c, cStride, sign);
}
template <class T>
QUANTSCOPE_AVX512 void multiplyAddAvx512(int64_t m, int64_t n, int64_t k, const T* a, int64_t aStride,
                                         const T* b, int64_t bStride, T* c, int64_t cStride, T sign) {
    multiplyAddBody<T, 64>(m, n, k, a, aStride, b, bStride, c, cStride, sign);
}
QUANTSCOPE_AVX2 void subtractOuterAvx2(int64_t count, const float* errors, const float* factors,
                                       float* lanes) {
    subtractOuterBody<32>(count, errors, factors, lanes);
}
QUANTSCOPE_AVX512 void subtractOuterAvx512(int64_t count, const float* errors, const float* factors,
                                           float* lanes) {
    subtractOuterBody<64>(count, errors, factors, lanes);
}

template <class T>
void dispatchMultiplyAdd(int64_t m, int64_t n, int64_t k, const T* a, int64_t aStride, const T* b,
                         int64_t bStride, T* c, int64_t cStride, T sign, InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return multiplyAddAvx512<T>(m, n, k, a, aStride, b, bStride, c, cStride, sign);
        case InstructionSet::Avx2:
            return multiplyAddAvx2<T>(m, n, k, a, aStride, b, bStride, c, cStride, sign);
        case InstructionSet::Baseline:
            return multiplyAddBody<T, 16>(m, n, k, a, aStride, b, bStride, c, cStride, sign);
    }
}

/// Lower Cholesky factor of one block of at most kBlock rows in place, in the calling thread. Column by
/// column, so that the entries of a row wait for nothing but the column before.
bool factorBlock(double* a, int64_t stride, int64_t n) {
    double column[kBlock];
    for (int64_t k = 0; k < n; ++k) {
        const double pivot = a[k * stride + k];
        if (!(pivot > 0) || !std::isfinite(pivot)) return false;
        const double root = std::sqrt(pivot);
        a[k * stride + k] = root;
        for (int64_t i = k + 1; i < n; ++i) {
            double* row = a + i * stride;
            const double factor = row[k] / root;
            row[k] = factor;
            column[i] = factor;
            for (int64_t j = k + 1; j <= i; ++j) row[j] -= factor * column[j];
        }
    }
    return true;
}

/// inverse [n x n] of a lower triangular block, in the calling thread.
void invertBlock(const double* lower, int64_t stride, int64_t n, std::vector<double>& inverse) {
    inverse.assign(static_cast<size_t>(n * n), 0.0);
    double* x = inverse.data();
    for (int64_t i = 0; i < n; ++i) {
        const double* row = lower + i * stride;
        for (int64_t p = 0; p < i; ++p)
            for (int64_t j = 0; j <= p; ++j) x[i * n + j] -= row[p] * x[p * n + j];
        for (int64_t j = 0; j < i; ++j) x[i * n + j] /= row[i];
        x[i * n + i] = 1 / row[i];
    }
}

}  // namespace

void multiplyAdd(int64_t m, int64_t n, int64_t k, const float* a, int64_t aStride, const float* b,
                 int64_t bStride, float* c, int64_t cStride, float sign, InstructionSet set) {
    dispatchMultiplyAdd<float>(m, n, k, a, aStride, b, bStride, c, cStride, sign, set);
}

void multiplyAdd(int64_t m, int64_t n, int64_t k, const double* a, int64_t aStride, const double* b,
                 int64_t bStride, double* c, int64_t cStride, double sign, InstructionSet set) {
    dispatchMultiplyAdd<double>(m, n, k, a, aStride, b, bStride, c, cStride, sign, set);
}

void subtractOuter(int64_t count, const float* errors, const float* factors, float* lanes,
                   InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return subtractOuterAvx512(count, errors, factors, lanes);
        case InstructionSet::Avx2:
            return subtractOuterAvx2(count, errors, factors, lanes);
        case InstructionSet::Baseline:
            return subtractOuterBody<16>(count, errors, factors, lanes);
    }
}

void transpose(const MatrixView& src, float* dst) {
    constexpr int64_t kSide = 32;
    parallelFor((src.cols + kSide - 1) / kSide, 1, [&](int64_t begin, int64_t end) {
        const int64_t last = std::min(src.cols, end * kSide);
        for (int64_t r0 = 0; r0 < src.rows; r0 += kSide) {
            for (int64_t c = begin * kSide; c < last; ++c)
                for (int64_t r = r0; r < std::min(src.rows, r0 + kSide); ++r)
                    dst[c * src.rows + r] = src.at(r, c);
        }
    });
}

void multiplyTransposed(const MatrixView& a, const MatrixView& b, float* out) {
    const int64_t n = b.rows;
    std::fill(out, out + a.rows * n, 0.0F);
    parallelFor((n + kPanelColumns - 1) / kPanelColumns, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> panel(static_cast<size_t>(kDepth * kPanelColumns));
        for (int64_t first = begin * kPanelColumns; first < std::min(n, end * kPanelColumns);
             first += kPanelColumns) {
            const int64_t columns = std::min(kPanelColumns, n - first);
            for (int64_t k0 = 0; k0 < a.cols; k0 += kDepth) {
                const int64_t depth = std::min(kDepth, a.cols - k0);
                for (int64_t j = 0; j < columns; ++j)
                    for (int64_t k = 0; k < depth; ++k)
                        panel[static_cast<size_t>(k * kPanelColumns + j)] = b.at(first + j, k0 + k);
                multiplyAdd(a.rows, columns, depth, a.data + k0, a.stride, panel.data(), kPanelColumns,
                            out + first, n, 1.0F);
            }
        }
    });
}

bool factorCholesky(std::vector<double>& a, int64_t n) {
    std::vector<double> inverse;
    std::vector<double> turned;
    std::vector<double> panel;
    for (int64_t k = 0; k < n; k += kBlock) {
        const int64_t size = std::min(kBlock, n - k);
        double* diagonal = a.data() + k * n + k;
        if (!factorBlock(diagonal, n, size)) return false;
        const int64_t below = n - k - size;
        if (below == 0) break;
        invertBlock(diagonal, n, size, inverse);
        turned.resize(inverse.size());
        for (int64_t i = 0; i < size; ++i)
            for (int64_t j = 0; j < size; ++j)
                turned[static_cast<size_t>(j * size + i)] = inverse[static_cast<size_t>(i * size + j)];
        // The rows below become A L_kk^-T; `panel` is their transpose.
        panel.resize(static_cast<size_t>(size * below));
        const int64_t bands = (below + kBlock - 1) / kBlock;
        parallelFor(bands, 1, [&](int64_t begin, int64_t end) {
            std::vector<double> solved(static_cast<size_t>(kBlock * size));
            for (int64_t band = begin * kBlock; band < std::min(below, end * kBlock); band += kBlock) {
                const int64_t rows = std::min(kBlock, below - band);
                double* target = a.data() + (k + size + band) * n + k;
                std::fill(solved.begin(), solved.end(), 0.0);
                multiplyAdd(rows, size, size, target, n, turned.data(), size, solved.data(), size, 1.0);
                for (int64_t i = 0; i < rows; ++i)
                    for (int64_t p = 0; p < size; ++p) {
                        const double value = solved[static_cast<size_t>(i * size + p)];
                        target[i * n + p] = value;
                        panel[static_cast<size_t>(p * below + band + i)] = value;
                    }
            }
        });
        // The trailing matrix loses panel panel^T; only its lower triangle is kept right.
        parallelFor(bands, 1, [&](int64_t begin, int64_t end) {
            for (int64_t band = begin * kBlock; band < std::min(below, end * kBlock); band += kBlock) {
                const int64_t rows = std::min(kBlock, below - band);
                double* target = a.data() + (k + size + band) * n;
                multiplyAdd(rows, band + rows, size, target + k, n, panel.data(), below, target + k + size, n,
                            -1.0);
            }
        });
    }
    for (int64_t i = 0; i < n; ++i) std::fill(a.begin() + i * n + i + 1, a.begin() + (i + 1) * n, 0.0);
    return true;
}

void invertTriangle(std::vector<double>& lower, int64_t n) {
    std::vector<double> inverse;
    std::vector<double> result;
    for (int64_t k = 0; k < n; k += kBlock) {
        const int64_t size = std::min(kBlock, n - k);
        double* rows = lower.data() + k * n;
        invertBlock(rows + k, n, size, inverse);
        // Rows k.. of the inverse left of the block: -L_kk^-1 (L_k,0..k X), X the rows that are done.
        result.assign(static_cast<size_t>(size * std::max<int64_t>(k, 1)), 0.0);
        parallelFor(k / kBlock, 1, [&](int64_t begin, int64_t end) {
            std::vector<double> sums(static_cast<size_t>(size * kBlock));
            for (int64_t col = begin * kBlock; col < end * kBlock; col += kBlock) {
                std::fill(sums.begin(), sums.end(), 0.0);
                // X is 0 above its diagonal, so the sum starts at row `col`.
                multiplyAdd(size, kBlock, k - col, rows + col, n, lower.data() + col * n + col, n,
                            sums.data(), kBlock, 1.0);
                multiplyAdd(size, kBlock, size, inverse.data(), size, sums.data(), kBlock,
                            result.data() + col, k, -1.0);
            }
        });
        for (int64_t i = 0; i < size; ++i) {
            std::copy_n(result.begin() + i * k, k, rows + i * n);
            std::copy_n(inverse.begin() + i * size, size, rows + i * n + k);
        }
    }
}

bool inverseFactor(const std::vector<double>& a, int64_t n, std::vector<float>& upper) {
    const auto at = [n](int64_t i, int64_t j) { return static_cast<size_t>(i * n + j); };
    std::vector<double> reversed;
    resizeFor(reversed, a.size(), "the factor of X^T X");
    parallelFor(n, 32, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            for (int64_t j = 0; j < n; ++j) reversed[at(i, j)] = a[at(n - 1 - i, n - 1 - j)];
    });
    if (!factorCholesky(reversed, n)) return false;
    invertTriangle(reversed, n);
    resizeFor(upper, a.size(), "the inverse factor of X^T X");
    parallelFor(n, 32, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            for (int64_t j = 0; j < n; ++j)
                upper[at(i, j)] = static_cast<float>(reversed[at(n - 1 - i, n - 1 - j)]);
    });
    return true;
}

}  // namespace quantscope
