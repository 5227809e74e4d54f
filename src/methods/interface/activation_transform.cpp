// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/activation_transform.h"

#include <algorithm>

#include "base/parallel_for.h"
#include "methods/parts/hadamard.h"

namespace quantscope {
namespace {

constexpr int64_t kRows = 16;

/// One row into the new basis; the divisor multiplies weights.
void forwardRow(const ActivationTransform& t, const Hadamard& hadamard, const float* src, float* dst,
                int64_t cols, bool isWeight) {
    std::vector<float> row(src, src + cols);
    for (size_t j = 0; j < t.divisor.size(); ++j)
        row[j] = isWeight ? row[j] * t.divisor[j] : row[j] / t.divisor[j];
    if (!t.signs.empty()) {
        for (size_t j = 0; j < row.size(); ++j) row[j] *= t.signs[j];
        hadamard.apply(row.data());
    }
    if (t.permutation.empty()) {
        std::copy(row.begin(), row.end(), dst);
        return;
    }
    for (size_t j = 0; j < row.size(); ++j) dst[j] = row[static_cast<size_t>(t.permutation[j])];
}

void backwardRow(const ActivationTransform& t, const Hadamard& hadamard, const float* src, float* dst,
                 int64_t cols, bool isWeight) {
    std::vector<float> row(src, src + cols);
    for (size_t j = 0; j < t.permutation.size(); ++j) row[static_cast<size_t>(t.permutation[j])] = src[j];
    if (!t.signs.empty()) {
        hadamard.applyTransposed(row.data());
        for (size_t j = 0; j < row.size(); ++j) row[j] *= t.signs[j];
    }
    for (size_t j = 0; j < t.divisor.size(); ++j)
        row[j] = isWeight ? row[j] / t.divisor[j] : row[j] * t.divisor[j];
    std::copy(row.begin(), row.end(), dst);
}

template <class Row>
void forRows(const MatrixView& src, float* dst, const Row& row) {
    const Hadamard hadamard(src.cols);
    parallelFor(src.rows, kRows, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) row(hadamard, src.row(r), dst + r * src.cols);
    });
}

}  // namespace

void applyTransform(const ActivationTransform& transform, const MatrixView& src, float* dst) {
    forRows(src, dst, [&](const Hadamard& h, const float* from, float* to) {
        forwardRow(transform, h, from, to, src.cols, false);
    });
}

void undoTransform(const ActivationTransform& transform, const MatrixView& src, float* dst) {
    forRows(src, dst, [&](const Hadamard& h, const float* from, float* to) {
        backwardRow(transform, h, from, to, src.cols, false);
    });
}

void transformWeight(const ActivationTransform& transform, const MatrixView& src, float* dst) {
    forRows(src, dst, [&](const Hadamard& h, const float* from, float* to) {
        forwardRow(transform, h, from, to, src.cols, true);
    });
}

void restoreWeight(const ActivationTransform& transform, const MatrixView& src, float* dst) {
    forRows(src, dst, [&](const Hadamard& h, const float* from, float* to) {
        backwardRow(transform, h, from, to, src.cols, true);
    });
}

}  // namespace quantscope
