// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/coded_weight.h"

#include <algorithm>

#include "base/parallel_for.h"
#include "quant/estimators/range_estimator.h"
#include "quant/packing.h"
#include "quant/passes/quantize_run.h"
#include "quant/passes/reference.h"

namespace quantscope {

QuantizedTensor codedRows(const Scheme& scheme, const Shape& shape, std::vector<GroupParams> groups,
                          const std::function<void(int64_t row, std::span<int32_t> codes)>& codesOf) {
    const int64_t cols = shape.back();
    const int64_t rows = cols == 0 ? 0 : elementCount(shape) / cols;
    const GroupLayout layout = GroupLayout::of(scheme, rows, cols);
    const int64_t rowBytes = packedBytes(cols, scheme.bits);
    const int32_t first = codeMin(scheme);
    std::vector<std::byte> packed(static_cast<size_t>(rows * rowBytes));
    parallelFor(rows, 16, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> codes(static_cast<size_t>(cols));
        for (int64_t r = begin; r < end; ++r) {
            codesOf(r, codes);
            packCodes(codes, first, scheme.bits, packed.data() + r * rowBytes);
        }
    });
    for (GroupParams& group : groups) group = storedParams(group, scheme);
    return QuantizedTensor(scheme, shape, layout, std::move(packed), std::move(groups));
}

QuantizedTensor codedWeight(const Scheme& scheme, const Shape& shape, std::span<const int32_t> codes,
                            std::vector<GroupParams> groups) {
    return codedRows(scheme, shape, std::move(groups), [&](int64_t r, std::span<int32_t> row) {
        std::ranges::copy(codes.subspan(static_cast<size_t>(r) * row.size(), row.size()), row.begin());
    });
}

GroupParams blockParams(const MatrixView& block, const Scheme& scheme) {
    return paramsFromRange(infoOf(scheme.estimator).estimate(block, scheme), scheme);
}

std::vector<float> roundTrip(const MatrixView& values, const Scheme& scheme,
                             const std::vector<GroupParams>& groups) {
    const GroupLayout layout = GroupLayout::of(scheme, values.rows, values.cols);
    std::vector<float> result(static_cast<size_t>(values.size()));
    parallelFor(values.rows, 16, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> codes(static_cast<size_t>(values.cols));
        for (int64_t r = begin; r < end; ++r) {
            for (int64_t col = 0; col < values.cols; col += layout.blockCols) {
                const auto count = static_cast<size_t>(std::min(layout.blockCols, values.cols - col));
                QuantizeParams params =
                    quantizeParams(scheme, groups[static_cast<size_t>(layout.groupOf(r, col))]);
                params.firstElement = static_cast<uint64_t>(r * values.cols + col);
                quantizeRun({values.row(r) + col, count}, params, codes.data());
                dequantizeRun(std::span<const int32_t>(codes).first(count), params,
                              result.data() + r * values.cols + col);
            }
        }
    });
    return result;
}

Result<std::vector<float>> roundTrip(const MatrixView& values, const Scheme& scheme, const Job& job) {
    const auto groups = chooseGroupParams(values, scheme, job.quiet());
    if (!groups) return fail(groups.error());
    return roundTrip(values, scheme, *groups);
}

Tensor inBasis(const ActivationTransform& transform, const Tensor& weight) {
    std::vector<float> changed(static_cast<size_t>(weight.size()));
    transformWeight(transform, weight.matrix(), changed.data());
    return Tensor::fromFloats(weight.shape(), std::move(changed));
}

Result<LayerResult> roundInBasis(const Tensor& weight, const Scheme& scheme, ActivationTransform transform,
                                 uint64_t extraBytes, const Job& job) {
    auto quantized = quantscope::quantize(weight, scheme, job);
    if (!quantized) return fail(quantized.error());
    LayerResult result = codedResult(std::move(*quantized));
    const Tensor rounded = dequantize(*result.weight);
    std::vector<float> values(static_cast<size_t>(rounded.size()));
    restoreWeight(transform, rounded.matrix(), values.data());
    result.values = Tensor::fromFloats(weight.shape(), std::move(values));
    result.transform = std::move(transform);
    result.bytes += extraBytes;
    return result;
}

}  // namespace quantscope
