// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/parallel_for.h"
#include "kernels/matrix_passes.h"
#include "kernels/matrix_runs.h"
#include "quant/passes/reference.h"
#include "quant/quantized_tensor.h"

namespace quantscope {
namespace {

constexpr int64_t kGrainElements = int64_t{1} << 18;

/// Smallest and largest value of each group, while they are found.
struct MinMax {
    std::vector<float> minima;
    std::vector<float> maxima;

    explicit MinMax(size_t groups = 0)
        : minima(groups, std::numeric_limits<float>::infinity()),
          maxima(groups, -std::numeric_limits<float>::infinity()) {}
    void merge(size_t group, float low, float high) {
        minima[group] = std::min(minima[group], low);
        maxima[group] = std::max(maxima[group], high);
    }
};

/// Groups that follow each other in memory, or one group: every range of units writes groups of its own, save
/// the one group, whose parts are merged afterwards.
bool scanLine(const MatrixRuns& runs, bool oneGroup, const ElementwiseKernels& kernels, MinMax& all) {
    const int64_t grain = runs.grain(kGrainElements);
    MinMax parts(oneGroup ? static_cast<size_t>((runs.units() + grain - 1) / grain) : 0);
    std::atomic<bool> finite{true};
    parallelFor(runs.units(), grain, [&](int64_t begin, int64_t end) {
        runs.over(begin, end, [&](const MatrixRun& run) {
            MinMax& to = oneGroup ? parts : all;
            const int64_t at = oneGroup ? begin / grain : run.group;
            if (!kernels.minMaxGroups(run.src, to.minima.data() + at, to.maxima.data() + at, run.count,
                                      run.groupSize)) {
                finite = false;
            }
        });
    });
    for (size_t i = 0; i < parts.minima.size(); ++i) all.merge(0, parts.minima[i], parts.maxima[i]);
    return finite;
}

/// Any layout, row by row; a band is the rows of one row of groups, cut into pieces that are merged in order.
bool scanRows(const MatrixView& input, const GroupLayout& layout, const ElementwiseKernels& kernels,
              MinMax& all) {
    const int64_t across = layout.groupsAcross();
    const int64_t rowsAtOnce =
        std::min(layout.blockRows, std::max<int64_t>(1, kGrainElements / std::max<int64_t>(1, input.cols)));
    const int64_t pieces = (layout.blockRows + rowsAtOnce - 1) / rowsAtOnce;
    const int64_t items = layout.groupsDown() * pieces;
    std::vector<MinMax> found(static_cast<size_t>(items));
    std::atomic<bool> finite{true};
    parallelFor(items, 1, [&](int64_t begin, int64_t) {
        const int64_t first = begin / pieces * layout.blockRows + begin % pieces * rowsAtOnce;
        const int64_t end =
            std::min({input.rows, (begin / pieces + 1) * layout.blockRows, first + rowsAtOnce});
        MinMax piece(static_cast<size_t>(across));
        MinMax row(static_cast<size_t>(across));
        for (int64_t r = first; r < end; ++r) {
            if (layout.blockCols == 1) {
                if (!kernels.minMaxColumns(input.row(r), piece.minima.data(), piece.maxima.data(),
                                           input.cols)) {
                    finite = false;
                }
                continue;
            }
            if (!kernels.minMaxGroups(input.row(r), row.minima.data(), row.maxima.data(), input.cols,
                                      layout.blockCols)) {
                finite = false;
            }
            for (size_t g = 0; g < row.minima.size(); ++g) piece.merge(g, row.minima[g], row.maxima[g]);
        }
        found[static_cast<size_t>(begin)] = std::move(piece);
    });
    for (size_t item = 0; item < found.size(); ++item) {
        const size_t down = item / static_cast<size_t>(pieces) * static_cast<size_t>(across);
        for (size_t g = 0; g < found[item].minima.size(); ++g) {
            all.merge(down + g, found[item].minima[g], found[item].maxima[g]);
        }
    }
    return finite;
}

/// Which of two equal magnitudes comes first decides the sign of a SignedExtreme scale.
bool lowComesFirst(const MatrixView& input, const GroupLayout& layout, int64_t group, float magnitude) {
    const int64_t across = layout.groupsAcross();
    assert(across > 0);  // there is a group, so there are columns
    const int64_t row = group / across * layout.blockRows;
    const int64_t col = group % across * layout.blockCols;
    for (int64_t r = row; r < std::min(input.rows, row + layout.blockRows); ++r) {
        for (int64_t c = col; c < std::min(input.cols, col + layout.blockCols); ++c) {
            if (std::abs(input.at(r, c)) == magnitude) return std::signbit(input.at(r, c));
        }
    }
    return false;
}

bool storable(const GroupParams& params, const Scheme& scheme) {
    const GroupParams stored = storedParams(params, scheme);
    return std::isfinite(stored.scale) && std::isfinite(stored.zeroPoint);
}

}  // namespace

Result<std::vector<GroupParams>> chooseGroupParams(const MatrixView& input, const Scheme& scheme,
                                                   const ElementwiseKernels& kernels, const Job& job) {
    if (scheme.estimator != RangeEstimator::MinMax || scheme.isFloat() || !validate(scheme) ||
        input.size() == 0 || job.stopRequested()) {
        return chooseGroupParams(input, scheme, job);
    }
    const GroupLayout layout = GroupLayout::of(scheme, input.rows, input.cols);
    const MatrixRuns runs(input, layout);
    MinMax all(static_cast<size_t>(layout.groupCount()));
    const bool oneGroup = runs.isLine() && layout.groupCount() == 1;
    const bool finite =
        runs.isLine() ? scanLine(runs, oneGroup, kernels, all) : scanRows(input, layout, kernels, all);
    // NaN and infinity: the plain form words the error.
    if (!finite) return chooseGroupParams(input, scheme, job);

    std::vector<GroupParams> groups(all.minima.size());
    std::atomic<bool> good{true};
    parallelFor(static_cast<int64_t>(groups.size()), 1 << 14, [&](int64_t begin, int64_t end) {
        for (int64_t g = begin; g < end; ++g) {
            const auto i = static_cast<size_t>(g);
            Range range{all.minima[i], all.maxima[i], false};
            if (range.low == -range.high && range.low != 0 &&
                scheme.symmetricRange == SymmetricRange::SignedExtreme) {
                range.lowIsExtreme = lowComesFirst(input, layout, g, range.high);
            }
            groups[i] = paramsFromRange(range, scheme);
            if (!storable(groups[i], scheme)) good = false;
        }
    });
    if (!good) return chooseGroupParams(input, scheme, job);
    return groups;
}

}  // namespace quantscope
