// SPDX-License-Identifier: Apache-2.0
#include "eigen_algebra.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace quantscope::eigen {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Map = Eigen::Map<Matrix<T>>;
template <class T>
using ConstMap = Eigen::Map<const Matrix<T>>;

}  // namespace

bool factor(double* a, int64_t n) {
    Map<double> matrix(a, n, n);
    const Eigen::LLT<Eigen::Ref<Matrix<double>>, Eigen::Lower> factored(matrix);
    return factored.info() == Eigen::Success;
}

void invert(const double* lower, double* inverse, int64_t n) {
    Map<double> result(inverse, n, n);
    result.setIdentity();
    ConstMap<double>(lower, n, n).triangularView<Eigen::Lower>().solveInPlace(result);
}

void addGram(const float* x, int64_t rows, int64_t n, float* product, double* sums) {
    Map<float> gram(product, n, n);
    gram.setZero();
    gram.selfadjointView<Eigen::Lower>().rankUpdate(ConstMap<float>(x, rows, n).transpose());
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j <= i; ++j) sums[i * n + j] += static_cast<double>(product[i * n + j]);
}

void subtractProduct(int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* c) {
    Map<float>(c, m, n).noalias() -= ConstMap<float>(a, m, k) * ConstMap<float>(b, k, n);
}

void multiplyTransposed(int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* out) {
    Map<float>(out, m, n).noalias() = ConstMap<float>(a, m, k) * ConstMap<float>(b, n, k).transpose();
}

void setThreads(int threads) {
    Eigen::setNbThreads(threads);
}

}  // namespace quantscope::eigen
