// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/heatmap.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>

#include "analysis/tensor/row_quantizer.h"
#include "base/parallel_for.h"

namespace quantscope {

namespace {

HeatMap emptyMap(const MatrixRegion& region, Pooling pooling, int64_t maxSide) {
    const int64_t side = std::max<int64_t>(1, maxSide);
    HeatMap map;
    map.region = region;
    map.pooling = pooling;
    const int64_t rows = region.rowEnd - region.rowBegin;
    const int64_t cols = region.colEnd - region.colBegin;
    map.rowsPerCell = std::max<int64_t>(1, (rows + side - 1) / side);
    map.colsPerCell = std::max<int64_t>(1, (cols + side - 1) / side);
    map.rows = (rows + map.rowsPerCell - 1) / map.rowsPerCell;
    map.cols = (cols + map.colsPerCell - 1) / map.colsPerCell;
    map.values.assign(static_cast<size_t>(map.rows * map.cols), 0);
    return map;
}

/// Pools rows of the region into one row of cells.
class CellRow {
 public:
    explicit CellRow(const HeatMap& map) : m_map(map), m_largest(size(map)), m_sum(sumSize(map)) {}

    void clear() {
        std::fill(m_largest.begin(), m_largest.end(), 0.0F);
        std::fill(m_sum.begin(), m_sum.end(), 0.0);
    }
    void add(std::span<const float> row) {
        m_map.pooling == Pooling::Mean ? addToMean(row) : keepLargest(row);
    }
    void store(HeatMap& map, int64_t cellRow) const {
        float* const dst = map.values.data() + cellRow * map.cols;
        if (map.pooling == Pooling::MaxAbs) {
            std::copy(m_largest.begin(), m_largest.end(), dst);
            return;
        }
        const int64_t height = cellLength(cellRow, map.rowsPerCell, map.region.rowEnd - map.region.rowBegin);
        for (int64_t j = 0; j < map.cols; ++j) {
            const int64_t width = cellLength(j, map.colsPerCell, map.region.colEnd - map.region.colBegin);
            dst[j] = static_cast<float>(m_sum[static_cast<size_t>(j)] / static_cast<double>(height * width));
        }
    }

 private:
    static size_t size(const HeatMap& map) { return map.pooling == Pooling::MaxAbs ? size_t(map.cols) : 0; }
    static size_t sumSize(const HeatMap& map) { return map.pooling == Pooling::Mean ? size_t(map.cols) : 0; }
    static int64_t cellLength(int64_t cell, int64_t perCell, int64_t length) {
        return std::min(perCell, length - cell * perCell);
    }

    void keepLargest(std::span<const float> row) {
        const auto per = static_cast<size_t>(m_map.colsPerCell);
        if (per == 1) {
            for (size_t j = 0; j < row.size(); ++j)
                m_largest[j] = std::abs(row[j]) > std::abs(m_largest[j]) ? row[j] : m_largest[j];
            return;
        }
        for (size_t cell = 0, begin = 0; begin < row.size(); ++cell, begin += per) {
            float best = m_largest[cell];
            for (const float value : row.subspan(begin, std::min(per, row.size() - begin)))
                best = std::abs(value) > std::abs(best) ? value : best;
            m_largest[cell] = best;
        }
    }
    void addToMean(std::span<const float> row) {
        const auto per = static_cast<size_t>(m_map.colsPerCell);
        for (size_t cell = 0, begin = 0; begin < row.size(); ++cell, begin += per)
            for (const float value : row.subspan(begin, std::min(per, row.size() - begin)))
                m_sum[cell] += static_cast<double>(value);
    }

    const HeatMap& m_map;
    std::vector<float> m_largest;
    std::vector<double> m_sum;
};

/// Colour scale ends; the 99th percentile is taken from at most some 32,000 cells.
void finish(HeatMap& map) {
    if (map.values.empty()) return;
    const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
    map.minimum = *low;
    map.maximum = *high;
    const size_t step = std::max<size_t>(1, map.values.size() >> 15);
    std::vector<float> magnitudes;
    for (size_t i = 0; i < map.values.size(); i += step) magnitudes.push_back(std::abs(map.values[i]));
    const auto at = magnitudes.begin() + static_cast<std::ptrdiff_t>((magnitudes.size() - 1) * 99 / 100);
    std::nth_element(magnitudes.begin(), at, magnitudes.end());
    map.typicalMagnitude = *at;
}

/// work(cellRow) for every row of cells; false when the job stopped.
template <class Work>
bool overCellRows(const HeatMap& map, const Job& job, const Work& work) {
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    const int64_t elements = map.rowsPerCell * std::max<int64_t>(1, map.region.colEnd - map.region.colBegin);
    const int64_t grain =
        std::clamp<int64_t>((int64_t{1} << 18) / elements, 1, std::max<int64_t>(1, map.rows));
    parallelFor(map.rows, grain, [&](int64_t begin, int64_t end) {
        if (stopped.load(std::memory_order_relaxed)) return;
        work(begin, end);
        const int64_t now = done.fetch_add(end - begin) + end - begin;
        if (!job.proceed(static_cast<double>(now) / static_cast<double>(map.rows), "heat map"))
            stopped = true;
    });
    return !stopped;
}

/// What one thread needs to fill rows of cells of all four pictures.
class FourPictures {
 public:
    FourPictures(const HeatMapSet& set, const MatrixView& matrix, const RowQuantizer& quantizer,
                 const HeatMapRows& rows)
        : m_matrix(matrix),
          m_quantizer(quantizer),
          m_rows(rows),
          m_region(set.original.region),
          m_original(set.original),
          m_codes(set.codes),
          m_values(set.dequantized),
          m_errors(set.error) {
        const auto width = static_cast<size_t>(m_region.colEnd - m_region.colBegin);
        m_code.resize(width);
        m_codeAsFloat.resize(width);
        m_value.resize(width);
        m_error.resize(width);
    }

    void fill(HeatMapSet& set, int64_t cellRow) {
        for (CellRow* cells : {&m_original, &m_codes, &m_values, &m_errors}) cells->clear();
        const int64_t first = m_region.rowBegin + cellRow * set.original.rowsPerCell;
        const int64_t last = std::min(m_region.rowEnd, first + set.original.rowsPerCell);
        const int64_t step = m_rows.perCell > 0 ? std::max<int64_t>(1, (last - first) / m_rows.perCell) : 1;
        for (int64_t row = first; row < last; row += step) addRow(row);
        if (step > 1)
            for (const int64_t row : m_rows.always)
                if (row >= first && row < last && (row - first) % step != 0) addRow(row);
        m_original.store(set.original, cellRow);
        m_codes.store(set.codes, cellRow);
        m_values.store(set.dequantized, cellRow);
        m_errors.store(set.error, cellRow);
    }

 private:
    void addRow(int64_t row) {
        const std::span<const float> src(m_matrix.row(row) + m_region.colBegin, m_value.size());
        m_quantizer.run(row, m_region.colBegin, static_cast<int64_t>(src.size()), m_code.data(),
                        m_value.data());
        for (size_t j = 0; j < src.size(); ++j) {
            m_codeAsFloat[j] = static_cast<float>(m_code[j]);
            m_error[j] = src[j] - m_value[j];
        }
        m_original.add(src);
        m_codes.add(m_codeAsFloat);
        m_values.add(m_value);
        m_errors.add(m_error);
    }

    const MatrixView& m_matrix;
    const RowQuantizer& m_quantizer;
    const HeatMapRows& m_rows;
    MatrixRegion m_region;
    CellRow m_original, m_codes, m_values, m_errors;
    std::vector<int32_t> m_code;
    std::vector<float> m_codeAsFloat, m_value, m_error;
};

}  // namespace

MatrixRegion clampRegion(const MatrixRegion& region, int64_t rows, int64_t cols) {
    if (region == MatrixRegion{}) return {0, rows, 0, cols};
    MatrixRegion inside;
    inside.rowBegin = std::clamp<int64_t>(region.rowBegin, 0, rows);
    inside.rowEnd = std::clamp(region.rowEnd, inside.rowBegin, rows);
    inside.colBegin = std::clamp<int64_t>(region.colBegin, 0, cols);
    inside.colEnd = std::clamp(region.colEnd, inside.colBegin, cols);
    return inside;
}

Result<HeatMap> heatMap(const MatrixView& matrix, const MatrixRegion& region, Pooling pooling, const Job& job,
                        int64_t maxSide) {
    const MatrixRegion inside = clampRegion(region, matrix.rows, matrix.cols);
    HeatMap map = emptyMap(inside, pooling, maxSide);
    const auto width = static_cast<size_t>(inside.colEnd - inside.colBegin);
    const bool finished = overCellRows(map, job, [&](int64_t begin, int64_t end) {
        CellRow cells(map);
        for (int64_t cellRow = begin; cellRow < end; ++cellRow) {
            cells.clear();
            const int64_t first = inside.rowBegin + cellRow * map.rowsPerCell;
            for (int64_t row = first; row < std::min(inside.rowEnd, first + map.rowsPerCell); ++row)
                cells.add(std::span<const float>(matrix.row(row) + inside.colBegin, width));
            cells.store(map, cellRow);
        }
    });
    if (!finished) return fail(ErrorKind::Cancelled, "stopped");
    finish(map);
    return map;
}

Result<HeatMapSet> heatMaps(const MatrixView& matrix, const MatrixQuantization& quantization,
                            const MatrixRegion& region, Pooling pooling, const KernelTable& kernels,
                            const Job& job, int64_t maxSide, const HeatMapRows& rows) {
    HeatMapSet set;
    if (quantization.isFloat() || (quantization.groups.empty() && !quantization.stored)) {
        auto original = heatMap(matrix, region, pooling, job, maxSide);
        if (!original) return fail(original.error());
        set.original = *original;
        set.dequantized = std::move(*original);
        set.error = emptyMap(set.original.region, pooling, maxSide);
        return set;
    }
    const MatrixRegion inside = clampRegion(region, matrix.rows, matrix.cols);
    for (HeatMap* map : {&set.original, &set.codes, &set.dequantized, &set.error})
        *map = emptyMap(inside, pooling, maxSide);
    const RowQuantizer quantizer(matrix, quantization, kernels);
    // A mean needs every element; a row is read once however many of the largest values it holds.
    HeatMapRows wanted = pooling == Pooling::MaxAbs ? rows : HeatMapRows{};
    std::sort(wanted.always.begin(), wanted.always.end());
    wanted.always.erase(std::unique(wanted.always.begin(), wanted.always.end()), wanted.always.end());
    const bool finished = overCellRows(set.original, job, [&](int64_t begin, int64_t end) {
        FourPictures pictures(set, matrix, quantizer, wanted);
        for (int64_t cellRow = begin; cellRow < end; ++cellRow) pictures.fill(set, cellRow);
    });
    if (!finished) return fail(ErrorKind::Cancelled, "stopped");
    if (!quantization.hasCodes()) set.codes = HeatMap{};
    HeatMap* const maps[] = {&set.original, &set.codes, &set.dequantized, &set.error};
    parallelFor(std::ssize(maps), 1, [&](int64_t begin, int64_t) { finish(*maps[begin]); });
    return set;
}

}  // namespace quantscope
