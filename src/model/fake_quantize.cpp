// SPDX-License-Identifier: Apache-2.0
#include "model/fake_quantize.h"

#include <algorithm>
#include <optional>

#include "base/parallel_for.h"
#include "quant/quantized_tensor.h"
#include "quant/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kRowsAtOnce = 16;

void mergeExtremes(Extremes& total, const Extremes& part) {
    if (part.count > 0) {
        total.minimum = total.count > 0 ? std::min(total.minimum, part.minimum) : part.minimum;
        total.maximum = total.count > 0 ? std::max(total.maximum, part.maximum) : part.maximum;
    }
    total.count += part.count;
    total.nanCount += part.nanCount;
    total.infCount += part.infCount;
}

/// Among equal magnitudes the first of the run decides the sign of SignedExtreme's scale.
bool lowComesFirst(const float* values, int64_t count, const Extremes& extremes) {
    if (extremes.minimum != -extremes.maximum) return false;
    const float* low = std::find(values, values + count, extremes.minimum);
    return low < std::find(values, values + count, extremes.maximum);
}

/// Parameters of runs inside rows; nothing when a value is not finite.
std::optional<std::vector<GroupParams>> paramsOfRuns(const MatrixView& src, const Scheme& scheme,
                                                     const GroupLayout& layout, const KernelTable& kernels) {
    const int64_t across = layout.groupsAcross();
    std::vector<GroupParams> params(static_cast<size_t>(src.rows * across));
    std::vector<char> bad(static_cast<size_t>(src.rows), 0);
    parallelFor(src.rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            for (int64_t g = 0; g < across; ++g) {
                const float* run = src.row(row) + g * layout.blockCols;
                const int64_t count = std::min(layout.blockCols, src.cols - g * layout.blockCols);
                const Extremes e = kernels.elementwise.extremes(run, count);
                if (e.nanCount > 0 || e.infCount > 0) bad[static_cast<size_t>(row)] = 1;
                const bool low =
                    scheme.symmetricRange == SymmetricRange::SignedExtreme && lowComesFirst(run, count, e);
                params[static_cast<size_t>(row * across + g)] =
                    paramsFromRange(Range{e.minimum, e.maximum, low}, scheme);
            }
        }
    });
    if (std::ranges::find(bad, 1) != bad.end()) return std::nullopt;
    return params;
}

std::optional<std::vector<GroupParams>> paramsOfWhole(const MatrixView& src, const Scheme& scheme,
                                                      const KernelTable& kernels) {
    const auto total = parallelReduce<Extremes>(
        src.rows, kRowsAtOnce,
        [&](int64_t begin, int64_t end) {
            Extremes part;
            for (int64_t row = begin; row < end; ++row) {
                mergeExtremes(part, kernels.elementwise.extremes(src.row(row), src.cols));
            }
            return part;
        },
        mergeExtremes);
    if (total.nanCount > 0 || total.infCount > 0) return std::nullopt;
    return std::vector<GroupParams>{paramsFromRange(Range{total.minimum, total.maximum, false}, scheme)};
}

}  // namespace

Result<std::vector<GroupParams>> groupParamsOf(const MatrixView& src, const Scheme& scheme,
                                               const KernelTable& kernels, const Job& job) {
    const GroupLayout layout = GroupLayout::of(scheme, src.rows, src.cols);
    std::optional<std::vector<GroupParams>> fast;
    if (scheme.estimator == RangeEstimator::MinMax && src.size() > 0) {
        if (layout.blockRows == 1) {
            fast = paramsOfRuns(src, scheme, layout, kernels);
        } else if (layout.groupCount() == 1 && scheme.symmetricRange != SymmetricRange::SignedExtreme) {
            fast = paramsOfWhole(src, scheme, kernels);
        }
    }
    if (fast) return std::move(*fast);
    return chooseGroupParams(src, scheme, job);  // also words the error for values that are not finite
}

void fakeQuantizeWith(const MatrixView& src, const Scheme& scheme, const GroupLayout& layout,
                      const std::vector<GroupParams>& params, const KernelTable& kernels, float* dst) {
    parallelFor(src.rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            for (int64_t first = 0; first < src.cols; first += layout.blockCols) {
                const auto group = static_cast<size_t>(layout.groupOf(row, first));
                QuantizeParams run = quantizeParams(scheme, params[group]);
                run.firstElement = static_cast<uint64_t>(row * src.cols + first);
                kernels.elementwise.fakeQuantize(src.row(row) + first, dst + row * src.cols + first,
                                                 std::min(layout.blockCols, src.cols - first), run);
            }
        }
    });
}

Status fakeQuantizeMatrix(const MatrixView& src, const Scheme& scheme, const KernelTable& kernels, float* dst,
                          const Job& job) {
    auto params = groupParamsOf(src, scheme, kernels, job);
    if (!params) return fail(params.error());
    fakeQuantizeWith(src, scheme, GroupLayout::of(scheme, src.rows, src.cols), *params, kernels, dst);
    return {};
}

}  // namespace quantscope
