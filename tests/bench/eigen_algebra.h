// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Eigen's linear algebra for bench_linear_algebra, compiled for the machine that measures: the fastest that
/// it can be. No other source includes Eigen at these settings. Matrices are row-major and contiguous.
namespace quantscope::eigen {

/// Lower Cholesky factor in place. False where it fails.
bool factor(double* a, int64_t n);
/// inverse [n x n] of a lower triangular matrix.
void invert(const double* lower, double* inverse, int64_t n);
/// sums [n x n] += X^T X in the lower triangle, X [rows x n]: the product in float, `product` [n x n] is
/// working memory.
void addGram(const float* x, int64_t rows, int64_t n, float* product, double* sums);
/// c [m x n] -= a [m x k] b [k x n].
void subtractProduct(int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* c);
/// out [m x n] = a [m x k] b^T, b [n x k].
void multiplyTransposed(int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* out);
/// Threads that products may use from now on.
void setThreads(int threads);

}  // namespace quantscope::eigen
