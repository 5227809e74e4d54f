// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "methods/parts/codeword_search.h"

namespace quantscope {

/// The best sum of codewords for one group of inputs of one row, all other groups as they are. With H_gg the
/// group's block of H, v0 the present sum of words, s the row's scale and p = ((W - W^) H)_g, another sum v
/// has the error s^2 (v^T H_gg v - 2 v . aim) + const, aim = H_gg v0 + p / s.
class AdditiveSearch {
 public:
    /// `words` [codebooks][count][dim] must outlive it.
    AdditiveSearch(const std::vector<float>& words, int64_t dim, int64_t codebooks, int64_t count,
                   int64_t beam);

    /// The group's block: `block` points at its first element in a matrix of `stride` columns.
    void setBlock(const float* block, int64_t stride);
    /// Beam search from `codes`: each codebook in turn offers its `beam` best words beside the present
    /// others, and the others are chosen anew for each of them. True if best() has less error than `codes`.
    bool search(const float* pull, float scale, const int32_t* codes);
    [[nodiscard]] const std::vector<int32_t>& best() const { return m_best; }

 private:
    [[nodiscard]] size_t at(int64_t book, int32_t code) const {
        return static_cast<size_t>((book * m_count + code) * m_dim);
    }
    void aimOf(int64_t book, const int32_t* trial, float* rest) const;
    [[nodiscard]] double errorOf(const int32_t* chosen) const;
    void follow(int64_t book);

    const std::vector<float>& m_words;
    int64_t m_dim;
    int64_t m_codebooks;
    int64_t m_count;
    std::vector<CodewordTable> m_tables;  ///< of the codebooks, with offsets c^T H_gg c / 2
    std::vector<float> m_images;          ///< H_gg c, as the words
    std::vector<float> m_aim;
    std::vector<int32_t> m_order;   ///< as many as the beam is wide
    std::vector<int32_t> m_trials;  ///< [beam][codebooks]
    std::vector<int32_t> m_chosen;  ///< [beam]
    std::vector<float> m_rests;     ///< [beam][dim]
    std::vector<float> m_scores;    ///< [count]
    std::vector<int32_t> m_present;
    std::vector<int32_t> m_best;
    double m_least = 0;
};

}  // namespace quantscope
