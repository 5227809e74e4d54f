// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "methods/parts/codeword_search.h"
#include "numerics/instruction_sets.h"

namespace quantscope {

/// The E8P codebook of QuIP# (Tseng et al., ICML 2024): 2^16 points of E8 + 1/4 for 8 weights, 2 bits each.
/// A point is one of 256 vectors of positive half-integers (227 of norm^2 <= 10 and 29 of norm^2 12), with
/// signs whose number is even where the vector's sum is even and odd otherwise, plus or minus 1/4 everywhere.
class E8Lattice {
 public:
    static constexpr int kDim = 8;
    static constexpr int kVectors = 256;
    using Point = std::array<float, kDim>;

    E8Lattice();
    /// The nearest of all 2^16 points.
    [[nodiscard]] Point nearest(const Point& x, InstructionSet set = bestInstructionSet()) const;
    /// Vector v of the 256.
    [[nodiscard]] Point vector(int v) const;

 private:
    /// [dimension][vector], so that 256 candidates are judged side by side.
    std::array<std::array<float, kVectors>, kDim> m_vectors{};
    std::array<float, kVectors> m_norms{};
    std::array<int32_t, kVectors> m_odd{};  ///< -1 or 0
};

/// The 1-bit codebook for what E8P leaves over in QuIP#'s 3-bit form: 256 points of E8, those of norm^2 <= 2
/// (1 + 240) and 15 of the 16 with a single +-2.
class E8Short {
 public:
    static constexpr int kDim = E8Lattice::kDim;
    static constexpr int kPoints = 256;

    E8Short();
    [[nodiscard]] E8Lattice::Point nearest(const E8Lattice::Point& x,
                                           InstructionSet set = bestInstructionSet()) const;
    [[nodiscard]] E8Lattice::Point point(int index) const { return m_points[static_cast<size_t>(index)]; }

 private:
    std::vector<E8Lattice::Point> m_points;
    CodewordTable m_table;
};

}  // namespace quantscope
