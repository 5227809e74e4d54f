// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "analysis/tensor/padded_bins.h"
#include "kernels/kernel_table.h"
#include "quant/passes/error_split.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What a pass over a variant measures; histograms are made where the axis has a width.
struct PassPlan {
    MatrixView matrix;
    const MatrixQuantization* quantization = nullptr;
    const ElementwiseKernels* kernels = nullptr;
    std::span<const GroupParams> stored;  ///< of each group, for r^
    std::span<const GroupParams> encode;  ///< of each group, for codes; empty when equal
    PaddedBins values;                    ///< empty bins to start from
    PaddedBins errors;
    bool keepRows = true;
    bool keepColumns = true;
    bool keepGroups = true;
    bool countCodes = true;
    /// All groups of the matrix, zero, when no rectangle shares one with another: sums go there directly.
    std::span<ErrorSplit> ownedGroups;
};

/// Sums of one column. Rounding error is what clipping leaves of `sse`.
struct ColumnSums {
    std::vector<double> signal;
    std::vector<double> output;
    std::vector<double> sse;
    std::vector<double> clippingSse;
    std::vector<float> maxAbs;
    std::vector<int64_t> clipped;

    void resize(size_t columns);
};

/// Measures one rectangle of the matrix, in the calling thread; rectangles are merged in order by the caller.
/// Groups of 16 elements and more, rounded as the scheme says, take the kernel that measures everything at
/// once; smaller ones and codes that a method chose take the passes one after the other.
/// Works on pieces of at most kPieceRows x kPieceCols elements that stay in the first-level cache, so that
/// every value is read from memory once.
class VariantPass {
 public:
    static constexpr int64_t kPieceRows = 8;
    static constexpr int64_t kPieceCols = 1024;

    VariantPass(const PassPlan& plan, int64_t rowBegin, int64_t rowEnd, int64_t colBegin, int64_t colEnd);

    /// The next rows of the rectangle, at most kPieceRows of them; false when there are none left.
    bool advance();
    [[nodiscard]] int64_t rowsDone() const { return m_row - m_rowBegin; }
    /// Completes the counts; call once, after the last advance().
    void finish();

    [[nodiscard]] const ErrorSplit& total() const { return m_total; }
    [[nodiscard]] const PaddedBins& values() const { return m_values; }
    [[nodiscard]] const PaddedBins& errors() const { return m_errors; }
    [[nodiscard]] const std::vector<uint64_t>& codeCounts() const { return m_codeCounts; }
    void addRowsTo(std::vector<ErrorSplit>& rows) const;
    void addColumnsTo(std::vector<ErrorSplit>& columns) const;
    /// Nothing with PassPlan::ownedGroups, which are complete.
    void addGroupsTo(std::vector<ErrorSplit>& groups) const;

 private:
    void measureFused(int64_t row, int64_t col, int64_t count);
    void measureRow(int64_t row, int64_t col, int64_t count, float* values, float* errors);
    void decodeGiven(int64_t row, int64_t col, int64_t count, float* values);
    void splitSmallGroups(int64_t row, int64_t col, int64_t count, const float* values);
    void countCodes(int64_t row, int64_t col, int64_t count, const float* values);
    void countSegment(int64_t group, std::span<const int32_t> codes);
    void flushCounts();
    void takeCounts();
    void sumColumns(int64_t rows, int64_t col, int64_t count);
    void record(int64_t row, const ErrorSplit& split);
    /// Sums of a group and of those after it in its row; null when they are not wanted.
    [[nodiscard]] ErrorSplit* groupSums(int64_t group);
    [[nodiscard]] GroupRun runAt(int64_t row, int64_t col, int64_t count) const;
    [[nodiscard]] QuantizeParams paramsOf(int64_t group) const;

    const PassPlan& m_plan;
    const GroupLayout& m_layout;
    QuantizeParams m_params;  ///< everything but the group's own numbers
    int64_t m_rowBegin, m_rowEnd, m_colBegin, m_colEnd;
    int64_t m_row;        ///< next
    int64_t m_pieceCols;  ///< whole groups where they fit
    int64_t m_groupRow;   ///< first row and column of groups the rectangle touches
    int64_t m_groupCol;
    int64_t m_groupsWide;
    bool m_fused;           ///< the kernel measures everything in one reading
    bool m_countBySegment;  ///< few codes for the size of a segment: count them, then add levels

    ErrorSplit m_total;
    std::vector<ErrorSplit> m_rows;
    std::vector<ErrorSplit> m_groups;
    ColumnSums m_columns;
    PaddedBins m_values;
    PaddedBins m_errors;
    std::vector<uint64_t> m_codeCounts;

    int64_t m_countedGroup = -1;  ///< whose codes m_small counts
    int64_t m_uncounted = 0;      ///< elements since the counters were emptied
    int64_t m_codeStride = 0;     ///< of m_small; 0: one set of counters
    std::vector<uint32_t> m_small;
    std::vector<uint32_t> m_valueCounters;
    std::vector<uint32_t> m_errorCounters;
    std::vector<ErrorSplit> m_runSplits;
    std::vector<int32_t> m_codes;
    std::vector<float> m_pieceValues;
    std::vector<float> m_pieceErrors;
};

}  // namespace quantscope
