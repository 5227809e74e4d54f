// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/output_error.h"

#include <algorithm>
#include <cassert>

#include "base/parallel_for.h"
#include "numerics/linear_algebra.h"

namespace quantscope {
namespace {

constexpr int64_t kColumns = 32;  ///< of a panel

}  // namespace

OutputError::OutputError(std::span<const float> hessian, int64_t channels) : m_channels(channels) {
    assert(hessian.size() == static_cast<size_t>(channels * channels));
    size_t total = 0;
    for (int64_t first = 0; first < channels; first += kColumns) {
        m_starts.push_back(total);
        total += static_cast<size_t>(std::min(channels, first + kColumns) * kColumns);
    }
    m_panels.resize(total);
    parallelFor(static_cast<int64_t>(m_starts.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t panel = begin; panel < end; ++panel) {
            const int64_t first = panel * kColumns;
            const int64_t last = std::min(channels, first + kColumns);
            float* to = m_panels.data() + m_starts[static_cast<size_t>(panel)];
            for (int64_t p = 0; p < last; ++p)
                for (int64_t i = std::max(p, first); i < last; ++i)
                    to[p * kColumns + i - first] =
                        hessian[static_cast<size_t>(p * channels + i)] * (p == i ? 1.0F : 2.0F);
        }
    });
}

double OutputError::ofBand(const MatrixView& difference) const {
    assert(difference.cols == m_channels && difference.rows <= kBandRows);
    float moved[kBandRows * kColumns];
    double sum = 0;
    for (size_t panel = 0; panel < m_starts.size(); ++panel) {
        const int64_t first = static_cast<int64_t>(panel) * kColumns;
        const int64_t last = std::min(m_channels, first + kColumns);
        std::fill_n(moved, difference.rows * kColumns, 0.0F);
        multiplyAdd(difference.rows, kColumns, last, difference.data, difference.stride,
                    m_panels.data() + m_starts[panel], kColumns, moved, kColumns, 1.0F);
        for (int64_t r = 0; r < difference.rows; ++r)
            for (int64_t c = first; c < last; ++c)
                sum += static_cast<double>(difference.at(r, c)) *
                       static_cast<double>(moved[r * kColumns + c - first]);
    }
    return sum;
}

double OutputError::of(const MatrixView& a, const MatrixView& b) const {
    assert(a.cols == m_channels && b.cols == m_channels && a.rows == b.rows);
    return parallelReduce<double>(
        a.rows, kBandRows,
        [&](int64_t begin, int64_t end) {
            std::vector<float> difference(static_cast<size_t>((end - begin) * m_channels));
            for (int64_t r = begin; r < end; ++r)
                for (int64_t c = 0; c < m_channels; ++c)
                    difference[static_cast<size_t>((r - begin) * m_channels + c)] = a.at(r, c) - b.at(r, c);
            return ofBand({difference.data(), end - begin, m_channels, m_channels});
        },
        [](double& total, double part) { total += part; });
}

}  // namespace quantscope
