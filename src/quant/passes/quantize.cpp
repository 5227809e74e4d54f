// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>

#include "base/parallel_for.h"
#include "quant/blocks/block_pass.h"
#include "quant/estimators/range_estimator.h"
#include "quant/estimators/run_extremes.h"
#include "quant/packing.h"
#include "quant/passes/quantize_run.h"
#include "quant/passes/reference.h"
#include "quant/quantized_tensor.h"

namespace quantscope {
namespace {

constexpr int64_t kGrainElements = int64_t{1} << 16;

tl::unexpected<Error> cancelled() {
    return fail(ErrorKind::Cancelled, "quantization was stopped");
}

int64_t rowsPerRange(int64_t cols) {
    return std::max<int64_t>(1, kGrainElements / std::max<int64_t>(1, cols));
}

/// The first NaN or infinity in row-major order, as an error.
Status checkFinite(const MatrixView& input) {
    const int64_t first = firstNonFinite(input);
    if (first < 0) return {};
    const int64_t row = first / input.cols;
    const int64_t col = first % input.cols;
    return fail(ErrorKind::InvalidArgument,
                fmt::format("element [{}, {}] is {}", row, col, input.at(row, col)), "values",
                "only finite numbers can be quantized");
}

MatrixView blockOf(const MatrixView& input, const GroupLayout& layout, int64_t group) {
    const int64_t groupsAcross = layout.groupsAcross();
    assert(groupsAcross > 0);  // there is a group, so there are columns
    const int64_t down = group / groupsAcross;
    const int64_t across = group % groupsAcross;
    const int64_t row = down * layout.blockRows;
    const int64_t col = across * layout.blockCols;
    return {input.row(row) + col, std::min(layout.blockRows, input.rows - row),
            std::min(layout.blockCols, input.cols - col), input.stride};
}

/// Min-max of all groups in row order: tall blocks (a tensor, an input channel) are cut into row ranges whose
/// extremes merge exactly, and no layout walks down columns.
std::vector<Range> minMaxOfGroups(const MatrixView& input, const GroupLayout& layout) {
    const int64_t across = layout.groupsAcross();
    const auto total = static_cast<size_t>(layout.groupCount());
    // Not below 64 rows: a band has as many extremes as there are groups across.
    const int64_t bandRows = std::min(layout.blockRows, std::max<int64_t>(64, rowsPerRange(input.cols)));
    const int64_t partsOfBand = (layout.blockRows + bandRows - 1) / bandRows;
    const int64_t items = layout.groupsDown() * partsOfBand;
    std::vector<BlockExtremes> parts(static_cast<size_t>(items * across));
    const int64_t grain = std::max<int64_t>(1, rowsPerRange(input.cols) / bandRows);
    parallelFor(items, grain, [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; ++item) {
            const int64_t band = item / partsOfBand;
            const int64_t bandEnd = std::min(input.rows, (band + 1) * layout.blockRows);
            const int64_t first = band * layout.blockRows + item % partsOfBand * bandRows;
            for (int64_t r = first; r < std::min(bandEnd, first + bandRows); ++r)
                addRuns(input.row(r), input.cols, layout.blockCols, parts.data() + item * across);
        }
    });
    std::vector<Range> ranges(total);
    parallelFor(layout.groupsDown(), std::max<int64_t>(1, 4096 / across), [&](int64_t begin, int64_t end) {
        for (int64_t group = begin * across; group < end * across; ++group) {
            const int64_t first = (group / across) * partsOfBand * across + group % across;
            BlockExtremes extremes = parts[static_cast<size_t>(first)];
            for (int64_t part = 1; part < partsOfBand; ++part)
                extremes.merge(parts[static_cast<size_t>(first + part * across)]);
            const bool tied = extremes.low == -extremes.high && extremes.low != 0;
            ranges[static_cast<size_t>(group)] = {
                extremes.low, extremes.high,
                tied && firstExtremeIsNegative(blockOf(input, layout, group), extremes.high)};
        }
    });
    return ranges;
}

Result<std::vector<Range>> rangesOfGroups(const MatrixView& input, const GroupLayout& layout,
                                          const Scheme& scheme, const Job& job) {
    if (scheme.estimator == RangeEstimator::MinMax) return minMaxOfGroups(input, layout);
    const RangeEstimatorInfo& info = infoOf(scheme.estimator);
    const int64_t groups = layout.groupCount();
    std::vector<Range> ranges(static_cast<size_t>(groups));
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    const int64_t perGroup = std::max<int64_t>(1, layout.blockRows * layout.blockCols);
    const int64_t grain = std::clamp<int64_t>((int64_t{1} << 14) / perGroup, 1, 256);
    parallelFor(groups, grain, [&](int64_t begin, int64_t end) {
        if (stopped) return;
        for (int64_t g = begin; g < end; ++g)
            ranges[static_cast<size_t>(g)] = info.estimate(blockOf(input, layout, g), scheme);
        const auto finished = static_cast<double>(done += end - begin);
        if (!job.proceed(finished / static_cast<double>(groups), "ranges")) stopped = true;
    });
    if (stopped) return cancelled();
    return ranges;
}

/// Codes of the rows begin .. end - 1, packed.
void quantizeRows(const MatrixView& input, const GroupLayout& layout, const Scheme& scheme,
                  const std::vector<GroupParams>& groups, int64_t begin, int64_t end, std::byte* packed) {
    const int64_t rowBytes = packedBytes(input.cols, scheme.bits);
    std::vector<int32_t> codes(static_cast<size_t>(input.cols));
    for (int64_t r = begin; r < end; ++r) {
        for (int64_t col = 0; col < input.cols; col += layout.blockCols) {
            QuantizeParams params =
                quantizeParams(scheme, groups[static_cast<size_t>(layout.groupOf(r, col))]);
            params.firstElement = static_cast<uint64_t>(r * input.cols + col);
            const auto count = static_cast<size_t>(std::min(layout.blockCols, input.cols - col));
            quantizeRun({input.row(r) + col, count}, params, codes.data() + col);
        }
        packCodes(codes, codeMin(scheme), scheme.bits, packed + r * rowBytes);
    }
}

Status checkQuantizes(const Scheme& scheme) {
    if (Status valid = validate(scheme); !valid) return valid;
    if (!scheme.isFloat()) return {};
    return fail(ErrorKind::InvalidArgument, "the float reference has no codes", "format",
                "choose an integer format");
}

}  // namespace

Result<std::vector<GroupParams>> chooseGroupParams(const MatrixView& input, const Scheme& scheme,
                                                   const Job& job) {
    if (const Status valid = checkQuantizes(scheme); !valid) return fail(valid.error());
    const GroupLayout layout = GroupLayout::of(scheme, input.rows, input.cols);
    if (layout.groupCount() == 0) return std::vector<GroupParams>{};
    if (const Status finite = checkFinite(input); !finite) return fail(finite.error());
    if (job.stopRequested()) return cancelled();
    const Result<std::vector<Range>> ranges = rangesOfGroups(input, layout, scheme, job);
    if (!ranges) return fail(ranges.error());
    std::vector<GroupParams> groups(ranges->size());
    parallelFor(static_cast<int64_t>(groups.size()), 1 << 11, [&](int64_t begin, int64_t end) {
        for (auto g = static_cast<size_t>(begin); g < static_cast<size_t>(end); ++g)
            groups[g] = paramsFromRange((*ranges)[g], scheme);
    });
    for (size_t g = 0; g < groups.size(); ++g) {
        const GroupParams stored = storedParams(groups[g], scheme);
        if (std::isfinite(stored.scale) && std::isfinite(stored.zeroPoint)) continue;
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("the scale of group {} ({}) or its offset ({}) is too large to be stored", g,
                                groups[g].scale, groups[g].zeroPoint),
                    "scale-format", "choose f32-scale");
    }
    return groups;
}

Result<QuantizedTensor> quantize(const Tensor& input, const Scheme& scheme, const Job& job) {
    assert(input.dtype() == DType::F32);
    const MatrixView matrix = input.matrix();
    Result<std::vector<GroupParams>> groups = chooseGroupParams(matrix, scheme, job.part(0, 0.5));
    if (!groups) return fail(groups.error());
    const GroupLayout layout = GroupLayout::of(scheme, matrix.rows, matrix.cols);
    std::vector<std::byte> packed(static_cast<size_t>(matrix.rows * packedBytes(matrix.cols, scheme.bits)));
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    parallelFor(matrix.rows, rowsPerRange(matrix.cols), [&](int64_t begin, int64_t end) {
        if (stopped) return;
        quantizeRows(matrix, layout, scheme, *groups, begin, end, packed.data());
        const auto finished = static_cast<double>(done += end - begin);
        if (!job.part(0.5, 1).proceed(finished / static_cast<double>(matrix.rows), "codes")) stopped = true;
    });
    if (stopped) return cancelled();
    for (GroupParams& group : *groups) group = storedParams(group, scheme);
    return QuantizedTensor(scheme, input.shape(), layout, std::move(packed), std::move(*groups));
}

Tensor dequantize(const QuantizedTensor& quantized) {
    const GroupLayout& layout = quantized.layout();
    const Scheme& scheme = quantized.scheme();
    std::vector<float> values(static_cast<size_t>(layout.rows * layout.cols));
    const int64_t rowBytes = quantized.bytesPerRow();
    parallelFor(layout.rows, rowsPerRange(layout.cols), [&](int64_t begin, int64_t end) {
        std::vector<int32_t> codes(static_cast<size_t>(layout.cols));
        for (int64_t r = begin; r < end; ++r) {
            unpackCodes(quantized.packedCodes().data() + r * rowBytes, scheme.bits, codeMin(scheme), codes);
            for (int64_t col = 0; col < layout.cols; col += layout.blockCols) {
                const auto count = static_cast<size_t>(std::min(layout.blockCols, layout.cols - col));
                dequantizeRun(std::span<const int32_t>(codes).subspan(static_cast<size_t>(col), count),
                              quantized.paramsAt(r, col), values.data() + r * layout.cols + col);
            }
        }
    });
    return Tensor::fromFloats(quantized.shape(), std::move(values));
}

}  // namespace quantscope
