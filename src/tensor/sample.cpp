// SPDX-License-Identifier: Apache-2.0
#include "tensor/sample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "tensor/reduce_elements.h"

namespace quantscope {

namespace {

constexpr int64_t kColumnRun = 4096;
constexpr int64_t kRowsOfWideMatrix = 16;

bool ranksBefore(const LocatedValue& a, const LocatedValue& b) {
    const float left = std::abs(a.value);
    const float right = std::abs(b.value);
    if (left != right) return left > right;
    return a.row != b.row ? a.row < b.row : a.col < b.col;
}

/// Extremes of a part; `top` is a heap whose front is the weakest of the kept values.
struct PartialExtremes {
    bool any = false;
    float minimum = 0;
    float maximum = 0;
    size_t topCount = 0;
    std::vector<LocatedValue> top;

    void offer(const LocatedValue& value) {
        if (top.size() == topCount) {
            if (topCount == 0 || !ranksBefore(value, top.front())) return;
            std::pop_heap(top.begin(), top.end(), ranksBefore);
            top.back() = value;
        } else {
            top.push_back(value);
        }
        std::push_heap(top.begin(), top.end(), ranksBefore);
    }

    void merge(const PartialExtremes& other) {
        if (!other.any) return;
        minimum = any ? std::min(minimum, other.minimum) : other.minimum;
        maximum = any ? std::max(maximum, other.maximum) : other.maximum;
        any = true;
        topCount = std::max(topCount, other.topCount);
        for (const LocatedValue& value : other.top) offer(value);
    }

    void addOne(float value, int64_t index, int64_t cols) {
        if (!std::isfinite(value)) return;
        minimum = any ? std::min(minimum, value) : value;
        maximum = any ? std::max(maximum, value) : value;
        any = true;
        offer({value, index / cols, index % cols});
    }
};

/// Largest magnitude of a short run without branches; NaN never wins.
float largestMagnitude(std::span<const float> values) {
    std::array<float, 8> lanes{};
    size_t i = 0;
    for (; i + lanes.size() <= values.size(); i += lanes.size())
        for (size_t lane = 0; lane < lanes.size(); ++lane) {
            const float magnitude = std::abs(values[i + lane]);
            lanes[lane] = magnitude > lanes[lane] ? magnitude : lanes[lane];
        }
    float best = *std::max_element(lanes.begin(), lanes.end());
    for (; i < values.size(); ++i) best = std::abs(values[i]) > best ? std::abs(values[i]) : best;
    return best;
}

void addRun(PartialExtremes& part, std::span<const float> values, int64_t first, int64_t cols) {
    constexpr size_t kBlock = 128;
    for (size_t begin = 0; begin < values.size(); begin += kBlock) {
        const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
        // Nothing in the block can matter when its largest magnitude is below everything that is kept.
        const bool full = part.any && part.top.size() == part.topCount;
        const float smallestEnd = std::min(-part.minimum, part.maximum);
        const float kept = part.top.empty() ? smallestEnd : std::abs(part.top.front().value);
        if (full && largestMagnitude(block) <= std::min(kept, smallestEnd)) continue;
        const float limit = full ? std::min(kept, smallestEnd) : -1;
        for (size_t i = 0; i < block.size(); ++i)
            if (std::abs(block[i]) > limit)
                part.addOne(block[i], first + static_cast<int64_t>(begin + i), cols);
    }
}

/// One item at random from each of `wanted` equally long strata of [0, count).
std::vector<int64_t> stratified(int64_t count, int64_t wanted, const CounterRandom& random) {
    std::vector<int64_t> chosen(static_cast<size_t>(wanted));
    for (int64_t s = 0; s < wanted; ++s) {
        const int64_t begin = s * count / wanted;
        const int64_t length = (s + 1) * count / wanted - begin;
        const double u = random.uniform(static_cast<uint64_t>(s));
        chosen[static_cast<size_t>(s)] =
            begin + std::min(length - 1, static_cast<int64_t>(u * static_cast<double>(length)));
    }
    return chosen;
}

/// Indices of whole runs (the last one of the source may be shorter); empty when everything is taken.
std::vector<int64_t> sampledIndices(int64_t count, int64_t run, int64_t wanted, const CounterRandom& random) {
    const int64_t runs = (count + run - 1) / run;
    const int64_t wantedRuns = std::clamp<int64_t>(wanted / run, 1, runs);
    if (wantedRuns == runs) return {};
    std::vector<int64_t> indices;
    indices.reserve(static_cast<size_t>(wantedRuns * run));
    for (const int64_t chosen : stratified(runs, wantedRuns, random))
        for (int64_t i = chosen * run; i < std::min(count, (chosen + 1) * run); ++i) indices.push_back(i);
    return indices;
}

void copyRow(const MatrixView& matrix, int64_t row, const std::vector<int64_t>& cols, float* dst) {
    const float* const src = matrix.row(row);
    if (cols.empty())
        std::memcpy(dst, src, static_cast<size_t>(matrix.cols) * sizeof(float));
    else
        for (size_t j = 0; j < cols.size(); ++j) dst[j] = src[cols[j]];
}

}  // namespace

float MatrixExtremes::absMax() const {
    return std::max(std::abs(minimum), std::abs(maximum));
}

Result<MatrixExtremes> extremesOf(const MatrixView& matrix, int topCount, const Job& job) {
    const size_t kept = static_cast<size_t>(std::max(0, topCount));
    auto part = reduceElements<PartialExtremes>(
        matrix, job, "extremes",
        [&matrix, kept](PartialExtremes& into, std::span<const float> values, int64_t first) {
            into.topCount = kept;
            addRun(into, values, first, matrix.cols);
        });
    if (!part) return fail(part.error());
    std::sort(part->top.begin(), part->top.end(), ranksBefore);
    return MatrixExtremes{part->minimum, part->maximum, std::move(part->top)};
}

double MatrixSample::inverseShare() const {
    const int64_t here = view.size();
    return here == 0 ? 1
                     : static_cast<double>(sourceRows) * static_cast<double>(sourceCols) /
                           static_cast<double>(here);
}

int64_t MatrixSample::sourceRow(int64_t row) const {
    return rowIndex.empty() ? row : rowIndex[static_cast<size_t>(row)];
}

int64_t MatrixSample::sourceCol(int64_t col) const {
    return colIndex.empty() ? col : colIndex[static_cast<size_t>(col)];
}

MatrixSample sampleMatrix(const MatrixView& matrix, const SampleOptions& options) {
    MatrixSample sample;
    sample.sourceRows = matrix.rows;
    sample.sourceCols = matrix.cols;
    const int64_t limit = std::max<int64_t>(1, options.maxValues);
    if (matrix.size() > limit) {
        const bool wide = matrix.cols > std::max(limit, kColumnRun);
        const int64_t run = std::clamp<int64_t>(options.rowRun, 1, matrix.rows);
        const int64_t rows =
            wide ? std::min(matrix.rows, kRowsOfWideMatrix) : std::max<int64_t>(1, limit / matrix.cols);
        sample.rowIndex = sampledIndices(matrix.rows, run, rows, CounterRandom(options.seed, 1));
        const int64_t taken =
            sample.rowIndex.empty() ? matrix.rows : static_cast<int64_t>(sample.rowIndex.size());
        if (wide)
            sample.colIndex =
                sampledIndices(matrix.cols, kColumnRun, limit / taken, CounterRandom(options.seed, 2));
    }
    sample.complete = sample.rowIndex.empty() && sample.colIndex.empty();
    if (sample.complete) {
        sample.view = matrix;
        return sample;
    }
    const int64_t rows = sample.rowIndex.empty() ? matrix.rows : static_cast<int64_t>(sample.rowIndex.size());
    const int64_t cols = sample.colIndex.empty() ? matrix.cols : static_cast<int64_t>(sample.colIndex.size());
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (int64_t i = 0; i < rows; ++i)
        copyRow(matrix, sample.sourceRow(i), sample.colIndex, values.data() + i * cols);
    sample.owned = Tensor::fromFloats({rows, cols}, std::move(values));
    sample.view = sample.owned.matrix();
    return sample;
}

}  // namespace quantscope
