// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/variant_pass.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "quant/packing.h"
#include "quant/passes/reference.h"

namespace quantscope {

namespace {

/// Groups narrower than this are measured element by element: a kernel call would cost more than it saves.
constexpr int64_t kSmallGroup = 16;

/// More codes than this share one set of counters, which would otherwise outgrow the first-level cache.
constexpr int64_t kMostCodesInSets = 512;

/// Counters of 32 bits are emptied long before they can overflow.
constexpr int64_t kMostUncounted = int64_t{1} << 30;

/// Counting codes first and adding levels to the histogram after pays when a segment has this many elements a
/// code.
constexpr int64_t kSegmentPerCode = 8;

struct Limits {
    float low = 0;
    float high = 0;
};

Limits limitsOf(const QuantizeParams& params) {
    const float first = dequantizeValue(params.codeMin, params);
    const float last = dequantizeValue(params.codeMax, params);
    return {std::min(first, last), std::max(first, last)};
}

ErrorSplit splitOfOne(float r, float value, const Limits& limits) {
    const float error = r - value;
    const double square = static_cast<double>(error) * static_cast<double>(error);
    const bool clipped = r < limits.low || r > limits.high;
    ErrorSplit split;
    split.count = 1;
    split.clippedCount = clipped ? 1 : 0;
    (clipped ? split.clippingSse : split.roundingSse) = square;
    split.maxAbs = std::abs(error);
    split.signalSse = static_cast<double>(r) * static_cast<double>(r);
    split.dotProduct = static_cast<double>(r) * static_cast<double>(value);
    split.outputSse = static_cast<double>(value) * static_cast<double>(value);
    return split;
}

}  // namespace

void ColumnSums::resize(size_t columns) {
    signal.resize(columns);
    output.resize(columns);
    sse.resize(columns);
    clippingSse.resize(columns);
    maxAbs.resize(columns);
    clipped.resize(columns);
}

VariantPass::VariantPass(const PassPlan& plan, int64_t rowBegin, int64_t rowEnd, int64_t colBegin,
                         int64_t colEnd)
    : m_plan(plan),
      m_layout(plan.quantization->layout),
      m_params(quantizeParams(plan.quantization->scheme, plan.quantization->groups.front())),
      m_rowBegin(rowBegin),
      m_rowEnd(rowEnd),
      m_colBegin(colBegin),
      m_colEnd(colEnd),
      m_row(rowBegin),
      m_values(plan.values),
      m_errors(plan.errors) {
    const int64_t group = m_layout.blockCols;
    m_pieceCols = group >= kPieceCols ? kPieceCols : kPieceCols / group * group;
    m_groupRow = rowBegin / m_layout.blockRows;
    m_groupCol = colBegin / group;
    m_groupsWide = (colEnd - 1) / group - m_groupCol + 1;
    const int64_t groupsHigh = (rowEnd - 1) / m_layout.blockRows - m_groupRow + 1;
    m_params.encodeDiffers = !plan.encode.empty();
    const int64_t codes = int64_t{m_params.codeMax} - m_params.codeMin + 1;
    const bool oneGroup = m_layout.groupCount() == 1;
    m_fused = plan.quantization->codes == nullptr && group >= kSmallGroup;
    m_countBySegment = codes <= 256 &&
                       (oneGroup || kSegmentPerCode * codes <= std::min(group, m_pieceCols)) &&
                       (!m_fused || group >= m_pieceCols) && plan.countCodes;
    if (plan.countCodes) {
        m_codeCounts.resize(static_cast<size_t>(codes));
        m_codeStride = codes <= kMostCodesInSets ? codes : 0;
        m_small.resize(static_cast<size_t>(codes + (Counters::kSets - 1) * m_codeStride));
    }
    if (plan.keepRows) m_rows.resize(static_cast<size_t>(rowEnd - rowBegin));
    if (plan.keepGroups && plan.ownedGroups.empty())
        m_groups.resize(static_cast<size_t>(groupsHigh * m_groupsWide));
    if (plan.keepColumns) m_columns.resize(static_cast<size_t>(colEnd - colBegin + ColumnSinks::kPadding));
    if (m_fused) {
        m_valueCounters = m_values.makeCounters();
        m_errorCounters = m_errors.makeCounters();
        m_runSplits.resize(kPieceCols / kSmallGroup + 1);
        return;
    }
    m_codes.resize(kPieceCols);
    m_pieceValues.resize(kPieceRows * kPieceCols);
    m_pieceErrors.resize(kPieceRows * kPieceCols);
}

bool VariantPass::advance() {
    if (m_row >= m_rowEnd) return false;
    const int64_t rows = std::min(kPieceRows, m_rowEnd - m_row);
    for (int64_t col = m_colBegin; col < m_colEnd;) {
        int64_t count = std::min(m_pieceCols, m_colEnd - col);
        // Inside one large group, or a whole number of smaller ones.
        const int64_t rest = m_layout.blockCols - col % m_layout.blockCols;
        if (m_layout.blockCols >= kPieceCols) count = std::min(count, rest);
        for (int64_t i = 0; m_fused && i < rows; ++i) measureFused(m_row + i, col, count);
        for (int64_t i = 0; !m_fused && i < rows; ++i)
            measureRow(m_row + i, col, count, &m_pieceValues[static_cast<size_t>(i * kPieceCols)],
                       &m_pieceErrors[static_cast<size_t>(i * kPieceCols)]);
        if (m_plan.keepColumns && !m_fused) sumColumns(rows, col, count);
        col += count;
    }
    m_row += rows;
    m_uncounted += rows * (m_colEnd - m_colBegin);
    if (m_uncounted >= kMostUncounted) takeCounts();
    return true;
}

void VariantPass::measureFused(int64_t row, int64_t col, int64_t count) {
    const int64_t group = m_layout.groupOf(row, col);
    if (m_countBySegment && group != m_countedGroup) {
        flushCounts();
        m_countedGroup = group;
    }
    ErrorSplit* const sums = groupSums(group);
    const GroupRun run = runAt(row, col, count);
    // Groups of one row in whole pieces pass by only once: the kernel writes their sums in place.
    const bool once =
        !m_plan.ownedGroups.empty() && m_layout.blockRows == 1 && m_layout.blockCols < kPieceCols;
    MeasureSinks sinks;
    sinks.groups = once ? sums : m_runSplits.data();
    if (m_plan.keepColumns) {
        const auto first = static_cast<size_t>(col - m_colBegin);
        sinks.columns = {&m_columns.signal[first],      &m_columns.output[first], &m_columns.sse[first],
                         &m_columns.clippingSse[first], &m_columns.maxAbs[first], &m_columns.clipped[first]};
    }
    if (m_plan.countCodes) sinks.codes = {m_small.data(), m_codeStride};
    if (!m_countBySegment) sinks.values = m_values.sink(m_valueCounters);
    sinks.errors = m_errors.sink(m_errorCounters);
    m_params.firstElement = static_cast<uint64_t>(row * m_layout.cols + col);
    m_plan.kernels->measureGroups(m_plan.matrix.row(row) + col, count, run, m_params, sinks);
    const auto groups = static_cast<size_t>((count + run.groupSize - 1) / run.groupSize);
    ErrorSplit rowSplit;
    for (size_t i = 0; i < groups; ++i) rowSplit.merge(sinks.groups[i]);
    for (size_t i = 0; i < groups && sums != nullptr && !once; ++i) sums[i].merge(sinks.groups[i]);
    record(row, rowSplit);
}

void VariantPass::measureRow(int64_t row, int64_t col, int64_t count, float* values, float* errors) {
    const float* const src = m_plan.matrix.row(row) + col;
    m_params.firstElement = static_cast<uint64_t>(row * m_layout.cols + col);
    if (m_plan.quantization->codes != nullptr) {
        decodeGiven(row, col, count, values);
    } else {
        const GroupRun run = runAt(row, col, count);
        m_plan.kernels->encodeGroups(src, m_codes.data(), count, run, m_params);
        m_plan.kernels->fakeQuantizeGroups(src, values, count, run, m_params);
    }
    for (int64_t j = 0; j < count; ++j) errors[j] = src[j] - values[j];
    splitSmallGroups(row, col, count, values);
    countCodes(row, col, count, values);
    if (!m_errors.empty())
        m_errors.add(std::span<const float>(errors, static_cast<size_t>(count)), *m_plan.kernels);
}

GroupRun VariantPass::runAt(int64_t row, int64_t col, int64_t count) const {
    const auto group = static_cast<size_t>(m_layout.groupOf(row, col));
    GroupRun run;
    run.groups = m_plan.stored.data() + group;
    run.encode = m_plan.encode.empty() ? nullptr : m_plan.encode.data() + group;
    // A piece of a large group may begin in its middle, but then holds nothing else.
    run.groupSize = m_layout.blockCols >= kPieceCols ? count : m_layout.blockCols;
    return run;
}

void VariantPass::decodeGiven(int64_t row, int64_t col, int64_t count, float* values) {
    for (int64_t j = 0; j < count; ++j) {
        const auto group = static_cast<size_t>(m_layout.groupOf(row, col + j));
        const int32_t code = m_plan.quantization->codes->code(row, col + j);
        m_codes[static_cast<size_t>(j)] = code;
        values[j] = dequantizeValue(code, m_plan.stored[group], m_params.domain);
    }
}

QuantizeParams VariantPass::paramsOf(int64_t group) const {
    QuantizeParams params = m_params;
    params.group = m_plan.stored[static_cast<size_t>(group)];
    if (params.encodeDiffers) params.encode = m_plan.encode[static_cast<size_t>(group)];
    return params;
}

void VariantPass::splitSmallGroups(int64_t row, int64_t col, int64_t count, const float* values) {
    const float* const src = m_plan.matrix.row(row) + col;
    int64_t group = m_layout.groupOf(row, col);
    ErrorSplit* sums = groupSums(group);
    int64_t length = std::min(count, m_layout.blockCols - col % m_layout.blockCols);
    ErrorSplit rowSplit;
    for (int64_t j = 0; j < count; j += length, ++group, length = std::min(count - j, m_layout.blockCols)) {
        const Limits limits = limitsOf(paramsOf(group));
        ErrorSplit groupSplit;
        for (int64_t k = j; k < j + length; ++k) {
            const ErrorSplit split = splitOfOne(src[k], values[k], limits);
            groupSplit.merge(split);
            if (split.clippedCount == 0 || !m_plan.keepColumns) continue;
            const auto column = static_cast<size_t>(col + k - m_colBegin);
            m_columns.clippingSse[column] += split.clippingSse;
            ++m_columns.clipped[column];
        }
        rowSplit.merge(groupSplit);
        if (sums != nullptr) (sums++)->merge(groupSplit);
    }
    record(row, rowSplit);
}

ErrorSplit* VariantPass::groupSums(int64_t group) {
    if (!m_plan.keepGroups) return nullptr;
    if (!m_plan.ownedGroups.empty()) return &m_plan.ownedGroups[static_cast<size_t>(group)];
    const int64_t perRow = m_layout.groupsAcross();
    assert(perRow > 0);  // there is a group, so there are columns
    const int64_t down = group / perRow - m_groupRow;
    const int64_t across = group % perRow - m_groupCol;
    return &m_groups[static_cast<size_t>(down * m_groupsWide + across)];
}

void VariantPass::record(int64_t row, const ErrorSplit& split) {
    m_total.merge(split);
    if (m_plan.keepRows) m_rows[static_cast<size_t>(row - m_rowBegin)].merge(split);
}

void VariantPass::countCodes(int64_t row, int64_t col, int64_t count, const float* values) {
    const std::span<const int32_t> codes(m_codes.data(), static_cast<size_t>(count));
    if (!m_countBySegment) {
        if (m_plan.countCodes)
            for (const int32_t code : codes) ++m_codeCounts[static_cast<size_t>(code - m_params.codeMin)];
        if (!m_values.empty()) m_values.add(std::span<const float>(values, codes.size()), *m_plan.kernels);
        return;
    }
    for (int64_t j = 0; j < count;) {
        const int64_t rest = m_layout.blockCols - (col + j) % m_layout.blockCols;
        const int64_t length = std::min(rest, count - j);
        countSegment(m_layout.groupOf(row, col + j),
                     codes.subspan(static_cast<size_t>(j), static_cast<size_t>(length)));
        j += length;
    }
}

void VariantPass::countSegment(int64_t group, std::span<const int32_t> codes) {
    if (group != m_countedGroup) flushCounts();
    m_countedGroup = group;
    for (size_t i = 0; i < codes.size(); ++i) {
        const auto set = static_cast<int64_t>(i % Counters::kSets) * m_codeStride;
        ++m_small[static_cast<size_t>(set + codes[i] - m_params.codeMin)];
    }
}

void VariantPass::flushCounts() {
    if (m_countedGroup < 0) return;
    const GroupParams& params = m_plan.stored[static_cast<size_t>(m_countedGroup)];
    const size_t levels = m_codeCounts.size();
    for (size_t level = 0; level < levels; ++level) {
        uint64_t count = 0;
        for (size_t i = level; i < m_small.size(); i += levels) count += std::exchange(m_small[i], 0);
        if (count == 0) continue;
        m_codeCounts[level] += count;
        const int32_t code = m_params.codeMin + static_cast<int32_t>(level);
        if (!m_values.empty()) m_values.add(dequantizeValue(code, params, m_params.domain), count);
    }
    m_countedGroup = -1;
}

void VariantPass::sumColumns(int64_t rows, int64_t col, int64_t count) {
    const auto first = static_cast<size_t>(col - m_colBegin);
    double* const signal = &m_columns.signal[first];
    double* const output = &m_columns.output[first];
    double* const sse = &m_columns.sse[first];
    float* const maxAbs = &m_columns.maxAbs[first];
    for (int64_t i = 0; i < rows; ++i) {
        const float* const src = m_plan.matrix.row(m_row + i) + col;
        const float* const values = &m_pieceValues[static_cast<size_t>(i * kPieceCols)];
        const float* const errors = &m_pieceErrors[static_cast<size_t>(i * kPieceCols)];
        for (int64_t j = 0; j < count; ++j) {
            const double r = src[j];
            const double value = values[j];
            const double error = errors[j];
            signal[j] += r * r;
            output[j] += value * value;
            sse[j] += error * error;
        }
        for (int64_t j = 0; j < count; ++j) {
            const float magnitude = std::abs(errors[j]);
            maxAbs[j] = magnitude > maxAbs[j] ? magnitude : maxAbs[j];
        }
    }
}

void VariantPass::takeCounts() {
    m_uncounted = 0;
    if (m_countBySegment) {
        flushCounts();
    } else if (m_fused) {
        for (size_t i = 0; i < m_small.size(); ++i)
            m_codeCounts[i % m_codeCounts.size()] += std::exchange(m_small[i], 0);
    }
    m_values.take(m_valueCounters);
    m_errors.take(m_errorCounters);
}

void VariantPass::finish() {
    takeCounts();
}

void VariantPass::addRowsTo(std::vector<ErrorSplit>& rows) const {
    for (size_t i = 0; i < m_rows.size(); ++i) rows[static_cast<size_t>(m_rowBegin) + i].merge(m_rows[i]);
}

void VariantPass::addColumnsTo(std::vector<ErrorSplit>& columns) const {
    if (m_columns.sse.empty()) return;
    for (size_t j = 0; j < static_cast<size_t>(m_colEnd - m_colBegin); ++j) {
        ErrorSplit split;
        split.count = m_rowEnd - m_rowBegin;
        split.clippedCount = m_columns.clipped[j];
        split.clippingSse = m_columns.clippingSse[j];
        split.roundingSse = std::max(0.0, m_columns.sse[j] - split.clippingSse);
        split.maxAbs = m_columns.maxAbs[j];
        split.signalSse = m_columns.signal[j];
        split.outputSse = m_columns.output[j];
        // (r - r^)^2 = r^2 - 2 r r^ + r^^2
        split.dotProduct = (split.signalSse + split.outputSse - m_columns.sse[j]) / 2;
        columns[static_cast<size_t>(m_colBegin) + j].merge(split);
    }
}

void VariantPass::addGroupsTo(std::vector<ErrorSplit>& groups) const {
    for (size_t i = 0; i < m_groups.size(); ++i) {
        const int64_t down = m_groupRow + static_cast<int64_t>(i) / m_groupsWide;
        const int64_t across = m_groupCol + static_cast<int64_t>(i) % m_groupsWide;
        groups[static_cast<size_t>(down * m_layout.groupsAcross() + across)].merge(m_groups[i]);
    }
}

}  // namespace quantscope
