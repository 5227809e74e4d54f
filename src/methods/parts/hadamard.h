// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace quantscope {

/// An orthonormal Hadamard matrix H of order n, applied without being stored: n = 2^k m, H = H_m (x) H_2^k
/// with H_m from Paley's construction where m = 12, 20, 28, 36, ... (every odd factor of n up to 11 has one).
/// Where none is known (an odd n, say) the largest power of two that divides n is used in blocks.
class Hadamard {
 public:
    explicit Hadamard(int64_t n);

    /// v <- H v and v <- H^T v, n elements.
    void apply(float* v) const { transform(v, false); }
    void applyTransposed(float* v) const { transform(v, true); }
    /// Order of the matrix that mixes: n, or the block where it falls apart.
    [[nodiscard]] int64_t order() const { return m_powerOfTwo * m_smallOrder; }

 private:
    void transform(float* v, bool transposed) const;

    int64_t m_size = 0;
    int64_t m_powerOfTwo = 1;
    int64_t m_smallOrder = 1;
    std::vector<int8_t> m_small;  ///< [m x m] of +1 and -1
};

/// A Hadamard matrix of this order by Paley's constructions; empty if they give none.
std::vector<int8_t> paleyMatrix(int64_t order);

}  // namespace quantscope
