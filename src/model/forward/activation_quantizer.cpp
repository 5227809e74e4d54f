// SPDX-License-Identifier: Apache-2.0
#include "model/forward/activation_quantizer.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <string>
#include <utility>

#include "base/parallel_for.h"
#include "kernels/matrix_passes.h"
#include "quant/outlier_columns.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

bool isStaticGranularity(Granularity granularity) {
    return granularity == Granularity::Tensor || granularity == Granularity::InputChannel;
}

tl::unexpected<Error> notFinite(int64_t row) {
    return fail(ErrorKind::InvalidArgument,
                "an activation cannot be quantized: token " + std::to_string(row) + " has NaN or infinity",
                "activations", "Quantize the weights of the layers before it less coarsely.");
}

/// Elements a thread encodes at a time.
constexpr int64_t kEncodedAtOnce = 16384;
int64_t rowsAtOnce(int64_t cols) {
    return std::max<int64_t>(1, kEncodedAtOnce / std::max<int64_t>(1, cols));
}

/// Neighbouring rows an odd number of lines apart: the integer products then read the codes in place.
int64_t strideOf(int64_t cols, bool isSigned) {
    constexpr int64_t kLine = 64;
    return isSigned || cols % kLine != 0 ? cols : kLine * (cols / kLine | 1);
}

/// Schemes whose codes and ranges the row kernels give bit by bit.
bool encodesByRow(const Scheme& s, bool isStatic) {
    const bool plainRange = s.estimator == RangeEstimator::MinMax &&
                            (s.mapping == Mapping::Symmetric || s.rangeIncludesZero) &&
                            s.symmetricRange != SymmetricRange::SignedExtreme;
    const bool wholeRows = s.granularity == Granularity::Token || s.granularity == Granularity::OutputChannel;
    return s.multiplyByInverse && s.rounding == Rounding::HalfEven && !s.encodeUnrounded &&
           (s.mapping == Mapping::Symmetric || !s.zeroPointInside) && (isStatic || (plainRange && wholeRows));
}

void takeOutliers(const MatrixView& src, InputCodes& out) {
    constexpr size_t kLeast = 8;
    out.outlierWidth = static_cast<int64_t>(std::bit_ceil(std::max(kLeast, out.outliers.size())));
    out.outlierValues.assign(static_cast<size_t>(src.rows * out.outlierWidth), 0);
    for (int64_t r = 0; r < src.rows; ++r) {
        float* dst = out.outlierValues.data() + r * out.outlierWidth;
        for (const int64_t c : out.outliers) *dst++ = src.at(r, c);
    }
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

Status ActivationQuantizer::encode(const MatrixView& src, bool isSigned, InputCodes& out) const {
    if (m_transform) {
        std::vector<float> changed(static_cast<size_t>(src.size()));
        applyTransform(*m_transform, src, changed.data());
        ActivationQuantizer inBasis = *this;
        inBasis.m_transform.reset();
        return inBasis.encode({changed.data(), src.rows, src.cols, src.cols}, isSigned, out);
    }
    out.rows = src.rows;
    out.cols = src.cols;
    out.isSigned = isSigned;
    out.stride = strideOf(src.cols, isSigned);
    out.codes.resize(static_cast<size_t>(out.rows * out.stride));
    out.scales.resize(static_cast<size_t>(out.rows));
    out.zeros.resize(isSigned ? 0 : static_cast<size_t>(out.rows));
    out.outliers = outlierColumns(src, m_outlierThreshold);
    if (!out.outliers.empty()) takeOutliers(src, out);
    if (encodesByRow(m_scheme, !m_static.empty())) return encodeRows(src, out);
    if (out.outliers.empty()) return encodeAnyScheme(src, out);
    const std::vector<float> rest = withoutColumns(src, out.outliers);
    return encodeAnyScheme({rest.data(), src.rows, src.cols, src.cols}, out);
}

Status ActivationQuantizer::encodeRows(const MatrixView& src, InputCodes& out) const {
    const int32_t shift = !out.isSigned && codeMin(m_scheme) < 0 ? 128 : 0;
    const int32_t low = codeMin(m_scheme) + shift;
    const int32_t high = codeMax(m_scheme) + shift;
    const IntegerKernels& kernels = m_kernels->integer;
    std::atomic<int64_t> bad{-1};
    parallelFor(src.rows, rowsAtOnce(src.cols), [&](int64_t begin, int64_t end) {
        std::vector<float> rest(out.outliers.empty() ? 0 : static_cast<size_t>(src.cols));
        for (int64_t r = begin; r < end; ++r) {
            const float* row = src.row(r);
            if (!rest.empty()) {
                std::copy_n(row, src.cols, rest.data());
                for (const int64_t c : out.outliers) rest[static_cast<size_t>(c)] = 0;
                row = rest.data();
            }
            const RowRange range = kernels.rowRange(row, src.cols);
            if (!range.finite) {
                bad = r;
                continue;
            }
            const GroupParams group = m_static.empty()
                                          ? paramsFromRange(Range{range.minimum, range.maximum}, m_scheme)
                                          : m_static.front();
            const int32_t zero = static_cast<int32_t>(group.zeroPoint) + shift;
            out.scales[static_cast<size_t>(r)] = group.scale;
            if (!out.isSigned) out.zeros[static_cast<size_t>(r)] = zero;
            kernels.encodeRow(row, out.codes.data() + r * out.stride, src.cols,
                              group.scale == 0 ? 0.0F : 1.0F / group.scale, zero, low, high);
        }
    });
    if (bad >= 0) return notFinite(bad);
    return {};
}

Status ActivationQuantizer::encodeAnyScheme(const MatrixView& src, InputCodes& out) const {
    std::vector<GroupParams> groups = m_static;
    if (groups.empty()) {
        auto params = chooseGroupParams(src, m_scheme, m_kernels->elementwise);
        if (!params)
            return fail(params.error().kind, "an activation cannot be quantized: " + params.error().message,
                        "activations", "Quantize the weights of the layers before it less coarsely.");
        groups = std::move(*params);
    }
    std::vector<int32_t> codes(static_cast<size_t>(src.size()));
    if (Status done = encodeMatrix(src, m_scheme, groups, m_kernels->elementwise, codes.data()); !done)
        return done;
    const int32_t shift = !out.isSigned && codeMin(m_scheme) < 0 ? 128 : 0;
    parallelFor(src.rows, rowsAtOnce(src.cols), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const GroupParams& group = groups[groups.size() == 1 ? 0 : static_cast<size_t>(r)];
            out.scales[static_cast<size_t>(r)] = group.scale;
            if (!out.isSigned)
                out.zeros[static_cast<size_t>(r)] = static_cast<int32_t>(group.zeroPoint) + shift;
            const int32_t* from = codes.data() + r * src.cols;
            std::transform(from, from + src.cols, out.codes.data() + r * out.stride,
                           [&](int32_t code) { return static_cast<uint8_t>(code + shift); });
        }
    });
    return {};
}

}  // namespace quantscope
