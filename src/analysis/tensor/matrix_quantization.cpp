// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/matrix_quantization.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/matrix_passes.h"
#include "methods/interface/method.h"
#include "methods/registry.h"
#include "quant/passes/reference.h"

namespace quantscope {

namespace {

/// The sample's values followed by the two extremes of the matrix it was taken from, as one row.
std::vector<float> withExtremes(const MatrixView& matrix, const MatrixExtremes& extremes) {
    std::vector<float> values;
    values.reserve(static_cast<size_t>(matrix.size()) + 2);
    for (int64_t row = 0; row < matrix.rows; ++row)
        values.insert(values.end(), matrix.row(row), matrix.row(row) + matrix.cols);
    values.push_back(extremes.minimum);
    values.push_back(extremes.maximum);
    return values;
}

Result<std::vector<GroupParams>> groupsOf(const MatrixView& matrix, const Scheme& scheme,
                                          const KernelTable& kernels, const Job& job,
                                          const KnownMatrix& known) {
    if (known.extremes == nullptr || matrix.size() == 0)
        return chooseGroupParams(matrix, scheme, kernels.elementwise, job);
    const std::array<float, 2> ends = {known.extremes->minimum, known.extremes->maximum};
    const MatrixView endsView{ends.data(), 1, 2, 2};
    if (known.isFinite && scheme.estimator == RangeEstimator::Manual) {
        Scheme whole = scheme;
        whole.granularity = Granularity::Tensor;
        auto same = chooseGroupParams(endsView, whole, kernels.elementwise, job);
        const int64_t count = GroupLayout::of(scheme, matrix.rows, matrix.cols).groupCount();
        if (same) same->resize(static_cast<size_t>(count), same->front());
        return same;
    }
    if (scheme.granularity != Granularity::Tensor)
        return chooseGroupParams(matrix, scheme, kernels.elementwise, job);
    const bool whichIsFirst = scheme.symmetricRange == SymmetricRange::SignedExtreme;
    if (known.isFinite && scheme.estimator == RangeEstimator::MinMax && !whichIsFirst)
        return chooseGroupParams(endsView, scheme, kernels.elementwise, job);
    if (!known.isSample) return chooseGroupParams(matrix, scheme, kernels.elementwise, job);
    const std::vector<float> values = withExtremes(matrix, *known.extremes);
    const auto count = static_cast<int64_t>(values.size());
    return chooseGroupParams(MatrixView{values.data(), 1, count, count}, scheme, kernels.elementwise, job);
}

}  // namespace

QuantizeParams MatrixQuantization::paramsAt(int64_t row, int64_t col) const {
    QuantizeParams params = quantizeParams(scheme, groups[static_cast<size_t>(layout.groupOf(row, col))]);
    params.firstElement = static_cast<uint64_t>(row * layout.cols + col);
    return params;
}

Result<MatrixQuantization> chooseQuantization(const MatrixView& matrix, const Scheme& scheme,
                                              const KernelTable& kernels, const Job& job,
                                              const KnownMatrix& known) {
    if (auto status = validate(scheme); !status) return fail(status.error());
    MatrixQuantization quantization;
    quantization.scheme = scheme;
    quantization.layout = GroupLayout::of(scheme, matrix.rows, matrix.cols);
    quantization.bitsPerWeight = bitsPerWeight(scheme, matrix.rows, matrix.cols);
    quantization.totalBytes = static_cast<uint64_t>(
        std::llround(quantization.bitsPerWeight * static_cast<double>(matrix.size()) / 8));
    if (scheme.isFloat()) return quantization;
    auto groups = groupsOf(matrix, scheme, kernels, job, known);
    if (!groups) return fail(groups.error());
    quantization.groups = std::move(*groups);
    return quantization;
}

MatrixQuantization quantizationOf(std::shared_ptr<const QuantizedTensor> quantized) {
    MatrixQuantization quantization;
    quantization.scheme = quantized->scheme();
    quantization.layout = quantized->layout();
    quantization.groups = quantized->groups();
    quantization.bitsPerWeight = quantized->bitsPerWeight();
    quantization.totalBytes = quantized->totalBytes();
    quantization.codes = std::move(quantized);
    return quantization;
}

MatrixQuantization quantizationOf(std::shared_ptr<const LayerResult> result, const Tensor& weight,
                                  const Recipe& recipe) {
    if (result->weight && !(result->transform && result->transform->changesBasis()))
        return quantizationOf(std::shared_ptr<const QuantizedTensor>(result, &*result->weight));
    MatrixQuantization known;
    known.layout = GroupLayout::of(known.scheme, weight.rows(), weight.cols());
    known.bitsPerWeight = result->bitsPerWeight();
    known.totalBytes = result->bytes;
    auto stored = std::make_shared<StoredWeight>();
    stored->values = result->floats();
    const auto method = methodNamed(recipe.method);
    CodesAnswer answer = method ? (*method)->elementCodes(weight, recipe, *result) : CodesAnswer{};
    stored->codes = std::move(answer.codes);
    stored->whyNoCodes = std::move(answer.whyNot);
    known.stored = std::move(stored);
    return known;
}

}  // namespace quantscope
