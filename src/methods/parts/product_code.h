// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/job.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Rows cut into subvectors, each replaced by the nearest of k prototypes: a row is then C indices of log2 k
/// bits (Jegou et al. 2011; lecture 004).
struct ProductCode {
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t dim = 0;                ///< of a subvector; the last one of a row may be padded with zeros
    int64_t clusters = 0;           ///< k
    bool shared = true;             ///< one set of prototypes for all subspaces, else one each
    std::vector<float> prototypes;  ///< [subspaces or 1][k][dim]
    std::vector<int32_t> codes;     ///< [rows][subspaces]

    [[nodiscard]] int64_t subspaces() const { return (cols + dim - 1) / dim; }
    [[nodiscard]] const float* prototype(int64_t subspace, int64_t code) const {
        return prototypes.data() + ((shared ? 0 : subspace) * clusters + code) * dim;
    }
};

/// Learns the prototypes by k-means (k-means++ start, at most 16,384 subvectors a set, seeded) and encodes.
ProductCode productQuantize(const MatrixView& matrix, int64_t dim, int64_t clusters, bool shared,
                            uint64_t seed, const Job& job);
/// The rows again, [rows x cols].
std::vector<float> decode(const ProductCode& code);
/// matrix x by tables: prototype . x for each subspace and prototype once, then C look-ups and additions a
/// row.
std::vector<float> tableProduct(const ProductCode& code, std::span<const float> x);

}  // namespace quantscope
