// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/passes/group_layout.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A piece of a matrix that one call of an elementwise kernel covers: consecutive elements, the group of the
/// first, and how many elements share a group.
struct MatrixRun {
    const float* src;
    int64_t element;  ///< row-major index of the first element
    int64_t count;
    int64_t group;
    int64_t groupSize;
};

/// Cuts a matrix into runs as long as its layout allows. A consecutive matrix whose groups follow each other
/// (per tensor, per output channel, groups that divide the row) is one line, cut anywhere between groups;
/// otherwise a run is a row.
class MatrixRuns {
 public:
    MatrixRuns(const MatrixView& view, const GroupLayout& layout) : m_view(view), m_layout(layout) {
        const bool consecutive = view.contiguous();
        if (view.size() == 0) return;
        if (consecutive && layout.groupCount() == 1) {
            m_unit = 1;
            m_units = view.size();
        } else if (consecutive && layout.blockRows == 1 && view.cols % layout.blockCols == 0) {
            m_unit = layout.blockCols;
            m_units = view.size() / m_unit;
        } else {
            m_byRow = true;
            m_unit = view.cols;
            m_units = view.rows;
        }
    }

    /// Runs are parts of one line rather than rows.
    [[nodiscard]] bool isLine() const { return !m_byRow; }
    /// Units of work, and how many of them make about `elements` elements.
    [[nodiscard]] int64_t units() const { return m_units; }
    [[nodiscard]] int64_t grain(int64_t elements) const { return std::max<int64_t>(1, elements / m_unit); }

    /// call(run) for the runs of the units begin .. end - 1.
    template <class Call>
    void over(int64_t begin, int64_t end, const Call& call) const {
        if (!m_byRow) {
            const int64_t element = begin * m_unit;
            const bool single = m_layout.groupCount() == 1;
            call(MatrixRun{m_view.data + element, element, (end - begin) * m_unit, single ? 0 : begin,
                           single ? m_view.size() + 1 : m_unit});
            return;
        }
        for (int64_t row = begin; row < end; ++row) {
            call(MatrixRun{m_view.row(row), row * m_view.cols, m_view.cols,
                           row / m_layout.blockRows * m_layout.groupsAcross(), m_layout.blockCols});
        }
    }

 private:
    MatrixView m_view;
    GroupLayout m_layout;
    bool m_byRow = false;
    int64_t m_unit = 1;  ///< elements
    int64_t m_units = 0;
};

}  // namespace quantscope
