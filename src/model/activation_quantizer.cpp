// SPDX-License-Identifier: Apache-2.0
#include "model/activation_quantizer.h"

#include <utility>

#include "kernels/matrix_passes.h"
#include "quant/outlier_columns.h"

namespace quantscope {
namespace {

bool isStaticGranularity(Granularity granularity) {
    return granularity == Granularity::Tensor || granularity == Granularity::InputChannel;
}

}  // namespace

Result<ActivationQuantizer> ActivationQuantizer::dynamic(const Scheme& scheme, const KernelTable& kernels) {
    if (Status valid = validate(scheme); !valid) return fail(valid.error());
    return ActivationQuantizer(scheme, kernels);
}

Result<ActivationQuantizer> ActivationQuantizer::fromCalibration(const Scheme& scheme,
                                                                 const MatrixView& sample,
                                                                 const KernelTable& kernels) {
    if (Status valid = validate(scheme); !valid) return fail(valid.error());
    if (!isStaticGranularity(scheme.granularity)) {
        return fail(ErrorKind::InvalidArgument,
                    "a static activation range cannot follow the rows of data it has not seen", "@act-static",
                    "Use one range a tensor or input channel, or a dynamic range (@act=).");
    }
    ActivationQuantizer quantizer(scheme, kernels);
    auto params = chooseGroupParams(sample, scheme, kernels.elementwise);
    if (!params) return fail(params.error());
    quantizer.m_static = std::move(*params);
    return quantizer;
}

Status ActivationQuantizer::apply(const MatrixView& src, float* dst) const {
    if (!m_transform) return applyInBasis(src, dst);
    std::vector<float> changed(static_cast<size_t>(src.size()));
    applyTransform(*m_transform, src, changed.data());
    const MatrixView view{changed.data(), src.rows, src.cols, src.cols};
    if (Status done = applyInBasis(view, changed.data()); !done) return done;
    undoTransform(*m_transform, view, dst);
    return {};
}

Status ActivationQuantizer::applyInBasis(const MatrixView& src, float* dst) const {
    const std::vector<int64_t> outliers = outlierColumns(src, m_outlierThreshold);
    if (outliers.empty()) return applyToAll(src, dst);
    // dst may be src's own memory: what stays in float is kept aside.
    std::vector<float> kept;
    for (int64_t r = 0; r < src.rows; ++r)
        for (const int64_t c : outliers) kept.push_back(src.at(r, c));
    const std::vector<float> rest = withoutColumns(src, outliers);
    if (Status done = applyToAll({rest.data(), src.rows, src.cols, src.cols}, dst); !done) return done;
    size_t next = 0;
    for (int64_t r = 0; r < src.rows; ++r)
        for (const int64_t c : outliers) dst[r * src.cols + c] = kept[next++];
    return {};
}

Status ActivationQuantizer::applyToAll(const MatrixView& src, float* dst) const {
    if (!m_static.empty()) return fakeQuantizeMatrix(src, m_scheme, m_static, m_kernels->elementwise, dst);
    auto params = chooseGroupParams(src, m_scheme, m_kernels->elementwise);
    if (!params) {
        return fail(params.error().kind, "an activation cannot be quantized: " + params.error().message,
                    "activations", "Quantize the weights of the layers before it less coarsely.");
    }
    return fakeQuantizeMatrix(src, m_scheme, *params, m_kernels->elementwise, dst);
}

}  // namespace quantscope
