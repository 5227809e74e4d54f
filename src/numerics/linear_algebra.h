// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix_view.h"
#include "numerics/instruction_sets.h"

namespace quantscope {

/// Dense linear algebra that methods run on. Sums of floats in an order that depends on the instruction set:
/// results agree to rounding between machines, and exactly between runs and numbers of threads on one.

/// dst [cols x rows] = src^T.
void transpose(const MatrixView& src, float* dst);

/// out [a.rows x b.rows] = a b^T. Parallel.
void multiplyTransposed(const MatrixView& a, const MatrixView& b, float* out);

/// c [m x n] += sign a [m x k] b [k x n], row strides in elements. In the calling thread.
void multiplyAdd(int64_t m, int64_t n, int64_t k, const float* a, int64_t aStride, const float* b,
                 int64_t bStride, float* c, int64_t cStride, float sign,
                 InstructionSet set = bestInstructionSet());
void multiplyAdd(int64_t m, int64_t n, int64_t k, const double* a, int64_t aStride, const double* b,
                 int64_t bStride, double* c, int64_t cStride, double sign,
                 InstructionSet set = bestInstructionSet());

/// Loops over columns with feedback (GPTQ, SparseGPT) take this many rows side by side: column c of the rows
/// lies at lanes[c * kRowLanes].
constexpr int64_t kRowLanes = 16;

/// lanes [count x kRowLanes] -= factors errors^T: what the columns that follow take up of one column's
/// errors.
void subtractOuter(int64_t count, const float* errors, const float* factors, float* lanes,
                   InstructionSet set = bestInstructionSet());

/// Replaces the symmetric matrix a [n x n] (its lower triangle is read) by its Cholesky factor L, a = L L^T;
/// the upper triangle becomes 0. False if a pivot is not positive or not finite. Parallel.
bool factorCholesky(std::vector<double>& a, int64_t n);

/// Replaces the lower triangular matrix by its inverse. Parallel.
void invertTriangle(std::vector<double>& lower, int64_t n);

/// U, upper triangular, with a^-1 = U^T U: what GPTQ's loop reads. From one factorization of the matrix with
/// its order reversed and one triangular inverse, instead of inverting a. False as factorCholesky().
bool inverseFactor(const std::vector<double>& a, int64_t n, std::vector<float>& upper);

}  // namespace quantscope
