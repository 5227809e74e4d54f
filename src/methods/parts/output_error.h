// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace quantscope {

/// What a change of a layer's weights does to its outputs on calibration text, mean over tokens of
/// ||(A - B) x||^2 = trace((A - B) H (A - B)^T), H = X^T X / tokens [in x in]. As H is symmetric, the columns
/// left of the diagonal count twice instead of those right of it: half the products. For many changes over
/// one H, which is packed once. Memory: half of H.
class OutputError {
 public:
    OutputError(std::span<const float> hessian, int64_t channels);

    /// Both [out x in]. Parallel; the same for any number of threads.
    [[nodiscard]] double of(const MatrixView& a, const MatrixView& b) const;

    /// Rows of A - B that are worked on at a time.
    static constexpr int64_t kBandRows = 48;
    /// Of up to kBandRows rows of A - B, in the calling thread.
    [[nodiscard]] double ofBand(const MatrixView& difference) const;

 private:
    int64_t m_channels;
    std::vector<size_t> m_starts;  ///< of each panel in the next
    std::vector<float> m_panels;   ///< [rows above and beside the panel's end x columns of a panel]
};

}  // namespace quantscope
