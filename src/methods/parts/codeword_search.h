// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "numerics/instruction_sets.h"

namespace quantscope {

/// Codewords side by side, so that one vector holds a coordinate of many: the layout that every search
/// through a codebook of this folder reads. The score of word k for a point x is offset_k - x . c_k; with
/// offset_k = |c_k|^2 / 2 the word of least score is the nearest. Which multiplications are fused with
/// additions depends on the instruction set, so near ties may fall otherwise on another machine.
class CodewordTable {
 public:
    CodewordTable() = default;
    /// `words` [count x dim]; offsets are |c_k|^2 / 2.
    CodewordTable(std::span<const float> words, int64_t count, int64_t dim);

    [[nodiscard]] int64_t count() const { return m_count; }
    [[nodiscard]] int64_t dim() const { return m_dim; }
    /// Offsets c_k^T H c_k / 2 instead; `block` points at the first of H's dim x dim elements, `stride` a
    /// row.
    void weigh(const float* block, int64_t stride);

    /// For each of `points` [best.size() x dim] the first word of least score.
    void nearest(const float* points, std::span<int32_t> best,
                 InstructionSet set = bestInstructionSet()) const;
    /// The words of least score for one point, in order; at most count(). `scores` is room to work in.
    void nearestFew(const float* point, std::span<int32_t> best, std::vector<float>& scores,
                    InstructionSet set = bestInstructionSet()) const;

 private:
    int64_t m_count = 0;
    int64_t m_dim = 0;
    int64_t m_stride = 0;          ///< count, and padding that is never least
    std::vector<float> m_lanes;    ///< [dim][stride]
    std::vector<float> m_offsets;  ///< [stride]
    std::vector<float> m_images;   ///< room for weigh()
};

/// Points [count x dim] side by side, for k-means++.
class PointTable {
 public:
    PointTable(std::span<const float> points, int64_t dim);

    static constexpr int64_t kRun = 256;  ///< points a partial sum is of
    [[nodiscard]] int64_t runs() const { return m_stride / kRun; }
    [[nodiscard]] int64_t stride() const { return m_stride; }
    /// least[i] = min(known[i], |x_i - center|^2), both [stride()] with zeros in the padding; sums [runs()]
    /// of it.
    void approach(const float* center, const float* known, float* least, double* sums,
                  InstructionSet set = bestInstructionSet()) const;

 private:
    int64_t m_count;
    int64_t m_dim;
    int64_t m_stride;
    std::vector<float> m_lanes;  ///< [dim][stride]
};

}  // namespace quantscope
